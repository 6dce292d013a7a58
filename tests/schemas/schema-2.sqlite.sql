PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'first schema','2026-11-27 02:43:44',1,X'5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e',1978923);
INSERT INTO _sqlx_migrations VALUES(2,'use and rate','2026-11-27 02:43:44',1,X'd4bcbcda47a46a903312f6e0d9fe342f1079574291cec76ca2f59bd6e0bea19efb27d565b7955178f9fc53b81449102e',938472);
CREATE TABLE sealed_key (
    name    TEXT NOT NULL PRIMARY KEY,
    sealed  TEXT NOT NULL
);
INSERT INTO sealed_key VALUES('secret_tag_key','eLhFkxG193ibtAHlRZ3cJMw3UF9i494IC3IVwWhIAWGqTcDZcgZGE4lSkHJ62s0TE0FozyvAUgpx3Zgs');
CREATE TABLE resource (
    resource           TEXT   NOT NULL PRIMARY KEY,
    token_lifetime     BIGINT,
    signing_algorithm  TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
INSERT INTO resource VALUES('https://orders.example.com',1800,NULL,1795747425,1795747425);
INSERT INTO resource VALUES('https://invoices.example.com',NULL,NULL,1795747425,1795747425);
CREATE TABLE resource_scope (
    resource     TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scope        TEXT NOT NULL,
    description  TEXT NOT NULL,
    PRIMARY KEY (resource, scope)
);
INSERT INTO resource_scope VALUES('https://orders.example.com','orders:read','Read orders, old and new');
INSERT INTO resource_scope VALUES('https://orders.example.com','orders:write','');
INSERT INTO resource_scope VALUES('https://invoices.example.com','invoices:read','');
CREATE TABLE client (
    client_id       TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('active', 'disabled')),
    auth_methods    TEXT   NOT NULL,
    grant_types     TEXT   NOT NULL,
    token_lifetime  BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
, token_rate TEXT);
INSERT INTO client VALUES('billing','The billing client','active','client_secret_basic client_secret_post','client_credentials',600,1795747425,1795747425,NULL);
INSERT INTO client VALUES('shop','The shop client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747426,1795747429,'60/m');
INSERT INTO client VALUES('basic-only','Renamed','active','client_secret_basic','client_credentials',NULL,1795747426,1795747429,'off');
INSERT INTO client VALUES('disabled','The disabled client','disabled','client_secret_basic client_secret_post','client_credentials',NULL,1795747426,1795747429,NULL);
INSERT INTO client VALUES('expired','The expired client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747426,1795747426,NULL);
INSERT INTO client VALUES('ended','The ended client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747426,1795747426,NULL);
INSERT INTO client VALUES('imported','Größe "S", ''quoted''','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747427,1795747427,NULL);
INSERT INTO client VALUES('hashed','hashed','active','client_secret_post','client_credentials',120,1795747427,1795747427,NULL);
CREATE TABLE client_secret (
    secret_id   TEXT   NOT NULL PRIMARY KEY,
    client_id   TEXT   NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    kind        TEXT   NOT NULL CHECK (kind IN ('minted', 'imported')),
    hash        TEXT   NOT NULL,
    hint        TEXT   NOT NULL,
    label       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT
);
INSERT INTO client_secret VALUES('sec_oTRkoXlmrVS9LkH7gcM3','billing','minted','$argon2id$v=19$m=64,t=1,p=1$v2MBfq0i7HWuTF1qFvWEaQ$jeMpJlDsZ5Hy6DhQTDyPdkXW2lUm3Xvt4iMm3Px0fvM','1SaHNa','first of two',1795747425,1795833829);
INSERT INTO client_secret VALUES('sec_Cd8dX1pASdQZr5ThCX5B','shop','minted','$argon2id$v=19$m=64,t=1,p=1$YRS0ojv8p6Thh61OVHaOtw$Tj7YpJnIxPI+1JNdmnJSTBDmpiDmFHGOEoMkiItXHpg','1mixRA','',1795747426,NULL);
INSERT INTO client_secret VALUES('sec_Bc1AdM4p6jbBStUPOPwH','basic-only','minted','$argon2id$v=19$m=64,t=1,p=1$BQJNASyZo7BLP+NSb48f3w$XPFMRrcfkiCtOR1j1dubqejn4PxcxMSyE9FUJ4M4k0Q','2w2fe7','',1795747426,NULL);
INSERT INTO client_secret VALUES('sec_gA6Kg6KPxCgskcS3m7cP','disabled','minted','$argon2id$v=19$m=64,t=1,p=1$gqnJREIKBfJqhLfJAdFIsQ$8zdqMa6/6WkUPnHYIL2ixpX5iG2+O7ahoeJvZiWNNG8','2tDSXf','',1795747426,NULL);
INSERT INTO client_secret VALUES('sec_CkSe8Vgv5ghIzOVMrZ5S','expired','minted','$argon2id$v=19$m=64,t=1,p=1$hfF44DkyWfI9QslzYhTr9Q$ww/vGA7rMzMfRJ54KUm/oHRGhFgjXwDbY21NNLC8HPI','1zL1nj','',1795747426,1795747427);
INSERT INTO client_secret VALUES('sec_Sct3Up1W02Bl8kHWJnu2','ended','minted','$argon2id$v=19$m=64,t=1,p=1$YtZvCKdHs+C2lDyUm0unHA$JZh8H9arLVk/JFIp8P6ipAGTgtvzJDxDpr8Uu7K81M8','2zVCXB','',1795747426,1795747427);
INSERT INTO client_secret VALUES('sec_55QT3i9jsKjkPXvYm5YN','ended','minted','$argon2id$v=19$m=64,t=1,p=1$KH2egIAp5kaaTRlh+C9Ydw$lWjRhjCGzTQza9tDnsAGJQWu8bK03MFcxP5crrnDO14','0rASxU','spare',1795747427,1803523427);
INSERT INTO client_secret VALUES('sec_DD2qp26taf3C5JgXzwkh','imported','imported','$argon2id$v=19$m=64,t=1,p=1$ufs86pIC4Kzagy+WqXPpoQ$709pJEqjARhYlIL9f1Hl0wkO8ClfUSUhcYYIWJpqKhU','','imported',1795747427,NULL);
INSERT INTO client_secret VALUES('sec_DRLHDrNxGHf4yf4oZFIW','hashed','imported','$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4','','imported',1795747427,NULL);
INSERT INTO client_secret VALUES('sec_DA0lBx1iIf7lMZKszvJH','billing','minted','$argon2id$v=19$m=64,t=1,p=1$CszQXfMlKdhFyJ+r0z+2pQ$nG5EeUbxGJgMxHmGHr6/M3dS2SofRjIWKex6qO418JY','3ziDYL','second of two',1795747429,NULL);
CREATE TABLE client_grant (
    client_id  TEXT NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    resource   TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scopes     TEXT,
    PRIMARY KEY (client_id, resource)
);
INSERT INTO client_grant VALUES('billing','https://orders.example.com',NULL);
INSERT INTO client_grant VALUES('shop','https://orders.example.com','orders:read');
INSERT INTO client_grant VALUES('shop','https://invoices.example.com',NULL);
INSERT INTO client_grant VALUES('basic-only','https://orders.example.com',NULL);
INSERT INTO client_grant VALUES('disabled','https://orders.example.com',NULL);
INSERT INTO client_grant VALUES('expired','https://orders.example.com',NULL);
INSERT INTO client_grant VALUES('ended','https://orders.example.com',NULL);
INSERT INTO client_grant VALUES('imported','https://orders.example.com','orders:read');
INSERT INTO client_grant VALUES('hashed','https://orders.example.com',NULL);
CREATE TABLE signing_key (
    kid         TEXT   NOT NULL PRIMARY KEY,
    algorithm   TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    signs_from  BIGINT NOT NULL
);
INSERT INTO signing_key VALUES('-tgDVZEHCPp2nGFEd63udKmfzFcjyQoaNUXn0jz9I58','ES256','qttxYlOwHAc9PelP2MMHfQhmOURJOKgaKlWZwUtsv_orSEO5RlxdwKsrDAUS_bdjwHNPNSrla7CIS3eKFxQOQK2JFrYH1uYZFAC2EuJNAcu2VE7o_bWp1-6AvBMsV-qAQ9HyLWg1ZqZoal0oanieq4V2kNOkYu-cOcd02BPYil0UE0JZtmj_6P7gfi-04sLen2ryHe1wYpe0sywPKhdPS0_eBhnt0A',1795747429,1795747429);
INSERT INTO signing_key VALUES('L-25ZTlQ5jCFvJRE9L8Y52gs9Cv12PhZNf4Dqxw65DU','PS256','6Yz6pIIKk6ESutrJEmKrqlif44ZXJ6GaZFT6Yv77tr_s4qq9dktXCxHHf_KHa5mnUjFrpyC3X_3L2v13Jk3a2WV_EtfNwZiyKvpvJEzI7Raq3s7ajRB2Z5QUwbBRAciU_5Ni04ZAs7LV1YHQEH4G9SVTgrH2DmL2D2o0sr1d29XF8TXVFY-0K3IoniVOpHxXUoj7XLZyLyY4V5Naf3zy319NAQFSrvoDKM_yIvT50PS3fZX_E4YvbRnh8yQNSfS4Vi0C2Wo7XqxBmd69ufkGXBi2vi9zF8w69glqVwSvHmCbO4j1xku0obSdHaeTZSGvMMVfdQBSUjIjkavyNZoPU-8gIF8jVbQSRyj0x_cwFt3heeP6NeipHpJGwy7Uk2iJOfVO8KaSuEqHlLDD0vSMWqLkxoHPUhzZ_xubNqMt-5og5duHEB93HLdYqf9X8nnYJ63S2VEXac8sv7VbGeeCqHcniDtHOzdp1gzuGt6Iq3lTU0imRlTYLbG4r6aIJy2LePcIJBucOhY217GPWNDMLhykpoNa6DckzY75b2F1ynq2FrnaiO_DLKKpKpwzeG-pI1USj9sqMeBQuAXpSNkeBoU-lwJ_x9SFf_RTN6houRv2tqN7l7OavS5tPdCsSxR2-vawHSJuSxf11PqVmuV0b8HPKG01eJbX5r1BRoJZy7K_EhKP--uS2A1pdjfGf9ByTDixErZ4NA_iSUNsCL4Gt9XOIkw6y-rrZV3X98pBRJyjZ0dZJ3FwBgJaJcPKXeDJ2GzTz5jNr2Gxin74zjOwKkk7OwOAKS-YQciafPn_hCKE4pmZEu4bCfjMBQWL5CNgzOs_cOc9PBrPj8AHEBJs85O0CbjC0OWRR40_lZ2aTvh8SWF34IPHHMvuHe9dxVMyzIJwe_oGGxCms8zgGyuR-pzyR1kwO5Szmp4WFXdqON5-jqNshoZT7AO0VsSposAfXz3AXqQBzh6J7qZ8Hb8LLNKldjgXX5Ln-qpi9PBISs-qGube02lpNA_zGIWC3yfHbyHotVZH_A0NJh4MCYcy0ZYRmHkKSP5_j2by46xRqEMLL-JvkhG5dP0nObmjMnoID3oOBrZoLFsdYds8xwFR8ZxznZtKF3azm0f9EibN0HkqKMv0X4xxaicw4ljSv-WtW0nBWvlY3JBbzEQRRjII8s2KHH1M-18OmMmthYyEzdatIbA_UTCUEBEKa0VcedbVnENehraSB0JVb5wiR2Q2uaAvdFl9MWM2HUVWt-YxZsgpSLS819DFTFupzIP1X6fzIn1xEWtXzKd5x6IOv3WYmx9rH1b8iHIjvoatm8am77CXiC6PZLMRzE6b107t1dPxjuRVk03V5dJjn9SeY0Ueo9jJBVLOSp0bXQJQnQ-xryiRMCu8pitaoLXnha7uMjPjWaHPTaVywA2THDHhRb0oi8DJ9jFy0m-tbOozkS-Q23HJdDyQfBdWLJTtq1T53c4w52_vF7TB8eJ1kx756f9dbDei87aNtorQDvfI2Ru_hxKRnOw3AV83xeOz8e4tWitgGicl0x6x08ZDQLCLocxX6DDchPFYeg8OMfAwxAe9TxAM4Py0QdYa0-BdDoE7bicB0Uhz9n9-n2SQATGHuKuz6HggMBw_MEtrcrJ_9yqKn5iduw7W-Z0Q-e-psMQ',1795747434,1795833834);
CREATE TABLE event (
    sequence       BIGINT NOT NULL PRIMARY KEY,
    at             BIGINT NOT NULL,
    actor          TEXT   NOT NULL,
    action         TEXT   NOT NULL,
    subject        TEXT   NOT NULL,
    detail         TEXT   NOT NULL,
    previous_hash  TEXT   NOT NULL,
    hash           TEXT   NOT NULL
);
INSERT INTO event VALUES(1,1795747425,'cli:unknown','resource.created','resource/https://orders.example.com','{"scopes":["orders:read","orders:write"],"token_lifetime":1800}','','WNYXDgDt9ahJ_lwrFwpuksVNmN553GXAliW89aiFUQs');
INSERT INTO event VALUES(2,1795747425,'cli:unknown','resource.created','resource/https://invoices.example.com','{"scopes":["invoices:draft","invoices:read"],"token_lifetime":null}','WNYXDgDt9ahJ_lwrFwpuksVNmN553GXAliW89aiFUQs','4Vj5o2iqHyjH6gBrp6Hp8kpyGiMkHwgee9mVdxWc40k');
INSERT INTO event VALUES(3,1795747425,'cli:unknown','resource.created','resource/https://gone.example.com','{"scopes":["gone:read"],"token_lifetime":null}','4Vj5o2iqHyjH6gBrp6Hp8kpyGiMkHwgee9mVdxWc40k','pP_3gdKZfXMcVZTg7KmQ8xg0Lt9vA8N7ERTg678wTpQ');
INSERT INTO event VALUES(4,1795747425,'cli:unknown','resource.deleted','resource/https://gone.example.com','{"grants_revoked":0}','pP_3gdKZfXMcVZTg7KmQ8xg0Lt9vA8N7ERTg678wTpQ','uiYFZh_pAy93e5PPC-KnyEvUehahJ6cwv7i08wutfM4');
INSERT INTO event VALUES(5,1795747425,'cli:unknown','resource.updated','resource/https://invoices.example.com','{"removed":["invoices:draft"],"scopes":["invoices:read"],"token_lifetime":null}','uiYFZh_pAy93e5PPC-KnyEvUehahJ6cwv7i08wutfM4','TzS4ATbY8KQHDtPVPOJ9Zd-Yn3td7j8ae3ic-eQeot4');
INSERT INTO event VALUES(6,1795747425,'cli:unknown','client.created','client/billing','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_oTRkoXlmrVS9LkH7gcM3"}','TzS4ATbY8KQHDtPVPOJ9Zd-Yn3td7j8ae3ic-eQeot4','ddvTsG8bfL8KUkT3wjLWtJrU5-n-TAUSe-PU9YmiNJI');
INSERT INTO event VALUES(7,1795747426,'cli:unknown','client.created','client/shop','{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_Cd8dX1pASdQZr5ThCX5B"}','ddvTsG8bfL8KUkT3wjLWtJrU5-n-TAUSe-PU9YmiNJI','lGgg1EqDNHLlQEGMLKFvTa1HRAyMJfYoNVvnY0Jwbwk');
INSERT INTO event VALUES(8,1795747426,'cli:unknown','client.created','client/basic-only','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_Bc1AdM4p6jbBStUPOPwH"}','lGgg1EqDNHLlQEGMLKFvTa1HRAyMJfYoNVvnY0Jwbwk','N-a6yqSjt0fM3SjHRHyozZ6llUtrslS0p3cDYY5QRQk');
INSERT INTO event VALUES(9,1795747426,'cli:unknown','client.created','client/disabled','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_gA6Kg6KPxCgskcS3m7cP"}','N-a6yqSjt0fM3SjHRHyozZ6llUtrslS0p3cDYY5QRQk','XYPeFBXQ7MQLp4enRBWMZVZzUdvyUgiIEzvrN5QM0tE');
INSERT INTO event VALUES(10,1795747426,'cli:unknown','client.created','client/deleted','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_PCXNoGq9aBdPKdCqO0eI"}','XYPeFBXQ7MQLp4enRBWMZVZzUdvyUgiIEzvrN5QM0tE','9pnZIuRZlB2tcZxU9a-8VS3v2zIEwRBfi9djHJwvGEk');
INSERT INTO event VALUES(11,1795747426,'cli:unknown','client.created','client/expired','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_CkSe8Vgv5ghIzOVMrZ5S"}','9pnZIuRZlB2tcZxU9a-8VS3v2zIEwRBfi9djHJwvGEk','n2hcGkdZ1AolaqFrii0vFbPWhUkMBfPG5CpA4ESTIJc');
INSERT INTO event VALUES(12,1795747426,'cli:unknown','client.created','client/ended','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_Sct3Up1W02Bl8kHWJnu2"}','n2hcGkdZ1AolaqFrii0vFbPWhUkMBfPG5CpA4ESTIJc','3bbER0ecfLbeh63IB8oJHaOJr7ERZ3CHcA0eCWeJ1uE');
INSERT INTO event VALUES(13,1795747427,'cli:unknown','secret.added','client/ended','{"label":"spare","secret_id":"sec_55QT3i9jsKjkPXvYm5YN"}','3bbER0ecfLbeh63IB8oJHaOJr7ERZ3CHcA0eCWeJ1uE','H2j4FrVYA5P4h5tgnRQAEOCQsK7ICsJ326COimUjf1Y');
INSERT INTO event VALUES(14,1795747427,'cli:unknown','secret.expired','client/ended','{"ended_at":"2026-11-27T02:43:47Z","secret_id":"sec_Sct3Up1W02Bl8kHWJnu2"}','H2j4FrVYA5P4h5tgnRQAEOCQsK7ICsJ326COimUjf1Y','fbcx4-qkDtOkSJpYniYan8hbqEGDao_xetCOc51SjN4');
INSERT INTO event VALUES(15,1795747427,'cli:unknown','client.imported','client/imported','{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_DD2qp26taf3C5JgXzwkh"}','fbcx4-qkDtOkSJpYniYan8hbqEGDao_xetCOc51SjN4','FHqT66CT0iKmIghWsN6j4lNk4kLdk2h-Dzr73Kl-RfY');
INSERT INTO event VALUES(16,1795747427,'cli:unknown','client.imported','client/hashed','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_DRLHDrNxGHf4yf4oZFIW"}','FHqT66CT0iKmIghWsN6j4lNk4kLdk2h-Dzr73Kl-RfY','_HXmIaAuGHG7JkJ2FXq53HkpeuSye3XdzXbzQyXAtvc');
INSERT INTO event VALUES(17,1795747427,'cli:unknown','grant.changed','client/basic-only','{"resource":"https://invoices.example.com","scopes":["invoices:read"]}','_HXmIaAuGHG7JkJ2FXq53HkpeuSye3XdzXbzQyXAtvc','1Tvx1-FTLS8oq0EszBTxfkcOdrt9EyGXE4nPK2sCZXI');
INSERT INTO event VALUES(18,1795747428,'cli:unknown','grant.revoked','client/basic-only','{"resource":"https://invoices.example.com"}','1Tvx1-FTLS8oq0EszBTxfkcOdrt9EyGXE4nPK2sCZXI','8jNa-TahJtwmroaa12synCoQiGbEaUifkcXzH-RasdU');
INSERT INTO event VALUES(19,1795747428,'cli:unknown','client.updated','client/basic-only','{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null,"token_rate":null}','8jNa-TahJtwmroaa12synCoQiGbEaUifkcXzH-RasdU','9TtV5S6F3BZnzq2zO0uyErhFxozz-4mBfTFrASaojQw');
INSERT INTO event VALUES(20,1795747428,'cli:unknown','client.disabled','client/basic-only','{"reason":null}','9TtV5S6F3BZnzq2zO0uyErhFxozz-4mBfTFrASaojQw','MzFYzpPHE2fWeu_MRWhIrcLDK_MSsa1uVK6A8Fxfrng');
INSERT INTO event VALUES(21,1795747428,'cli:unknown','client.enabled','client/basic-only','{"reason":null}','MzFYzpPHE2fWeu_MRWhIrcLDK_MSsa1uVK6A8Fxfrng','OjVqZuH-E3akPl2GoIMdBKgKXSBWXwoP8MonQBtWZj8');
INSERT INTO event VALUES(22,1795747429,'cli:unknown','client.updated','client/shop','{"auth_methods":["client_secret_basic","client_secret_post"],"grant_types":["client_credentials"],"name":"The shop client","token_lifetime":null,"token_rate":"60/m"}','OjVqZuH-E3akPl2GoIMdBKgKXSBWXwoP8MonQBtWZj8','1Aipm5Aplktn_U8dR34n5WtC8fF1Req66IuPGCKRj4w');
INSERT INTO event VALUES(23,1795747429,'cli:unknown','client.updated','client/basic-only','{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null,"token_rate":"off"}','1Aipm5Aplktn_U8dR34n5WtC8fF1Req66IuPGCKRj4w','MGNR4LNKMDzvY2CCh0GKhTxTv7R5V9AjyHdE2upSQz0');
INSERT INTO event VALUES(24,1795747429,'server','key.created','key/-tgDVZEHCPp2nGFEd63udKmfzFcjyQoaNUXn0jz9I58','{"algorithm":"ES256","signs_from":"2026-11-27T02:43:49Z"}','MGNR4LNKMDzvY2CCh0GKhTxTv7R5V9AjyHdE2upSQz0','2h1RrtB9aEKAaDOwT-Dyw_lklcA4KwOZfWP3cUS9MrU');
INSERT INTO event VALUES(25,1795747429,'cli:unknown','secret.rotated','client/billing','{"ended":["sec_oTRkoXlmrVS9LkH7gcM3"],"ended_at":"2026-11-28T02:43:49Z","secret_id":"sec_DA0lBx1iIf7lMZKszvJH"}','2h1RrtB9aEKAaDOwT-Dyw_lklcA4KwOZfWP3cUS9MrU','oEdsMWyZiFt-xPJTaWX3ngTgcyoDOlU8eacfAgsAiLI');
INSERT INTO event VALUES(26,1795747429,'cli:unknown','client.disabled','client/disabled','{"reason":"moved; see SEC-12"}','oEdsMWyZiFt-xPJTaWX3ngTgcyoDOlU8eacfAgsAiLI','MZD76_NrpUyPfAVEN9kOcf0FAityx8lcAVY8X9GAWBo');
INSERT INTO event VALUES(27,1795747429,'cli:unknown','client.deleted','client/deleted','{"name":"The deleted client"}','MZD76_NrpUyPfAVEN9kOcf0FAityx8lcAVY8X9GAWBo','0mNdRa7kmX-TnsV5mLflO1nQ5xDgtT8wOFjGzsSeZH0');
INSERT INTO event VALUES(28,1795747434,'server','key.created','key/L-25ZTlQ5jCFvJRE9L8Y52gs9Cv12PhZNf4Dqxw65DU','{"algorithm":"PS256","signs_from":"2026-11-28T02:43:54Z"}','0mNdRa7kmX-TnsV5mLflO1nQ5xDgtT8wOFjGzsSeZH0','uGU-M4H2PMD8rLJiSCr17ILoZN541YDEPZ7ZSe4Qooo');
CREATE TABLE event_head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence  BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);
INSERT INTO event_head VALUES(1,28,'uGU-M4H2PMD8rLJiSCr17ILoZN541YDEPZ7ZSe4Qooo');
CREATE TABLE secret_use (
    secret_id      TEXT   NOT NULL PRIMARY KEY REFERENCES client_secret (secret_id) ON DELETE CASCADE,
    first_used_at  BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    uses           BIGINT NOT NULL,
    last_address   TEXT   NOT NULL
);
INSERT INTO secret_use VALUES('sec_Cd8dX1pASdQZr5ThCX5B',1795747429,1795747429,2,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_DD2qp26taf3C5JgXzwkh',1795747429,1795747429,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_gA6Kg6KPxCgskcS3m7cP',1795747429,1795747429,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_oTRkoXlmrVS9LkH7gcM3',1795747429,1795747429,1,'127.0.0.1');
CREATE INDEX client_secret_client_id ON client_secret (client_id);
CREATE INDEX client_grant_resource ON client_grant (resource);
COMMIT;
