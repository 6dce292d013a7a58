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
INSERT INTO _sqlx_migrations VALUES(1,'first schema','2026-11-27 02:42:20',1,X'5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e',10282301);
CREATE TABLE sealed_key (
    name    TEXT NOT NULL PRIMARY KEY,
    sealed  TEXT NOT NULL
);
INSERT INTO sealed_key VALUES('secret_tag_key','m3oiA_N5sYWZL0qawPZDhOZ1gPUlEgUePczr5MLzaBjGSFqU1C1TvohwsfZYQBnm847daKLIGUnB3SY1');
CREATE TABLE resource (
    resource           TEXT   NOT NULL PRIMARY KEY,
    token_lifetime     BIGINT,
    signing_algorithm  TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
INSERT INTO resource VALUES('https://orders.example.com',1800,NULL,1795747340,1795747340);
INSERT INTO resource VALUES('https://invoices.example.com',NULL,NULL,1795747340,1795747340);
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
);
INSERT INTO client VALUES('billing','The billing client','active','client_secret_basic client_secret_post','client_credentials',600,1795747341,1795747341);
INSERT INTO client VALUES('shop','The shop client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747341,1795747341);
INSERT INTO client VALUES('basic-only','Renamed','active','client_secret_basic','client_credentials',NULL,1795747341,1795747343);
INSERT INTO client VALUES('disabled','The disabled client','disabled','client_secret_basic client_secret_post','client_credentials',NULL,1795747341,1795747343);
INSERT INTO client VALUES('expired','The expired client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747341,1795747341);
INSERT INTO client VALUES('ended','The ended client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747341,1795747341);
INSERT INTO client VALUES('imported','Größe "S", ''quoted''','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747342,1795747342);
INSERT INTO client VALUES('hashed','hashed','active','client_secret_post','client_credentials',120,1795747342,1795747342);
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
INSERT INTO client_secret VALUES('sec_g9lDVAwMlV38vW0MUzkg','billing','minted','$argon2id$v=19$m=64,t=1,p=1$ekpNG+OaxpfxqG1F7atfwA$PqpDDYmDg3zD7oSoGNvT7VOSu0xd1RhqHq4QMvITd8k','3g91zd','first of two',1795747341,1795833743);
INSERT INTO client_secret VALUES('sec_lPzfos2ixsCvrFVqASCD','shop','minted','$argon2id$v=19$m=64,t=1,p=1$lKUEKWR699KdXvwSaFeYPw$UWinZgA7VtYaNVSwaZ2DQwNBa1QdgQQqkOW/UI6+7Z4','0kzypJ','',1795747341,NULL);
INSERT INTO client_secret VALUES('sec_sjRqlKfFlwPQiEFBixMD','basic-only','minted','$argon2id$v=19$m=64,t=1,p=1$Riu0o8qyF3NqlCWTU1iRhA$PsRmXq77K0YqXFHcK9d3GzuYaZbLoL/E4RGtRyKN18w','0kfS81','',1795747341,NULL);
INSERT INTO client_secret VALUES('sec_ZH3mymmunnlMlp2DxjLs','disabled','minted','$argon2id$v=19$m=64,t=1,p=1$83Ft8Bo7jD83oEBn+GwBNw$z6iOBnUg4Ow5cuKkUvdQA2FMAAhbiYK4Y/7qhyIu+Q0','3aArh2','',1795747341,NULL);
INSERT INTO client_secret VALUES('sec_iF3ZdwOxfcboawE8RF9M','expired','minted','$argon2id$v=19$m=64,t=1,p=1$K0Rvg9Tw7q4PckbehobMgg$0zUcHohk5RrQdqupOwGiFk70H88jFSYj2k7+lvXpIl4','0Iwkx3','',1795747341,1795747342);
INSERT INTO client_secret VALUES('sec_n3AOSOiL3H0fhHLmBdBz','ended','minted','$argon2id$v=19$m=64,t=1,p=1$22dQmdInumw25lCWczXybQ$FPghGIHGAUHEn1ymj/tpKhOs+/ZKf2uAdvqqP9kJok8','4ZS3Rc','',1795747341,1795747342);
INSERT INTO client_secret VALUES('sec_Ed3sUjjMsA8yktUMu3Cy','ended','minted','$argon2id$v=19$m=64,t=1,p=1$Vi/AWOQRlcvz7fKNHIvTrQ$JUdTqlA6zJYCTjo3fge3LCFstaCYDha1P5josdcGOhY','3M1vFB','spare',1795747342,1803523342);
INSERT INTO client_secret VALUES('sec_fkvJkxCq0NiEGezCzKFp','imported','imported','$argon2id$v=19$m=64,t=1,p=1$9hZHN8hPx+zRa2Pl4JCVCg$tXn4XXN0/qOr/UCON1iJ8piEFXdU9gqIDNlxkQgApeI','','imported',1795747342,NULL);
INSERT INTO client_secret VALUES('sec_02APz6DzUUuc7cf12HaP','hashed','imported','$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4','','imported',1795747342,NULL);
INSERT INTO client_secret VALUES('sec_C58hjaGPCwUVzWpLXbRn','billing','minted','$argon2id$v=19$m=64,t=1,p=1$V1gKMvIyspSi1ghnMD1u8w$BwjGpLkJ9FUQmGkLrEu4/82A7mI4GPyf29ryNtt1jX4','1wQmIQ','second of two',1795747343,NULL);
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
INSERT INTO signing_key VALUES('JCYOCgdqfxNMvya_U_Zr14BW-SxmpCOqWvRVebEqD_w','ES256','qNq2wmu9Z0uo41xLKe3u4CFfu5rC4-GGURa9a5BzEloBQn1XRzrSr30XzK4TOEyu3Ze93HV5ctT5CTWKzZnVmiOfP7F4Dv6_dRWIsvUw0jr_6IyxAmn1MFLx5eT7O2rIxM7EYBDyyCalx1aVVtPMVjLu1mhEVaEFh5wCZQn9nABjb-ckSVZCETng_nToGa8hfSNbar0qqbfY21fw1994xfTyC6XF-w',1795747343,1795747343);
INSERT INTO signing_key VALUES('zTJab-2PRHQD1-KirvLEeOgBDhy176sw-9wxWGfDuTE','PS256','uMgGTev2wRzbUGBOeOSmGow5V7vgKfkK5gifN9RTfaJncmIyS2g4CsAHQae7Rn8Q9VQNdjjqZS-nMqByH3bP94qcNRotcyYwn6xN90qOvMUtCKrkSwcElko5Bd5aW5UNSNdKw55CsRlrxUyJob_vNBw1D8xl6F9fVg6ulx09lpUsAuRdHk2JPeXvApWGrYpkI4M8IosmIx1zv2OgJR0xNVJDoefAWnwrBfneRFmDSlKH2P2Ldv2hnQ2zwbofahvZ68lpAKRIhdcek4BmYCOu-TA2LE0LbyvTsmKRNyt1BXprEoVdr6Li4sgMwjNW8v1Qkng3pvtYON7pZsX6pvVnk3gP62au-wKYmMXbWPtOrsn7TSXc-fFikSOPUZfCBVUnJI3ALPxAV5riPmXiQfPVUOq9hUiG6uiw6BLLRbmWMR0RlH75yOkz_a6x1EJ4gb3pZUNG4HOA9lXh0nE6mY5zFLipW2DNWhYk5t1ZbWS6BZFaAwT16CgyFUkCemZ2ph8qr8H3rsOzOcfPBL3YxQivstKEa5JFU0PpVddbybXeXfr1PqIT4HRRPwW49AJdhdy-gh5TRoO4fPO6z6mEd25LoCH4cGSAnDdlA8CAstsm7jbK1pF8HwG6ryl0ArpSaCrBNR5UF7ecqR7bNYzUJvbigV2lMbHPbRIwK-IciTv1TOe3Wv7i0UOHsH9Q-ZFKO59M3plqC7hf1VmcDsovFwH5Y3DTRoeEFqJ2Z97GejAxAx2IBgPhVwzeHw07teyfCjFW7HmLnq5HPQ3DsxLgFBCV4FCchh-CDD_bkIj_v4FrUTMzYtIFQgRf_L6E0Tp11N5c3ZHJMTWXzvur0vetVLUXSB3rhjjIke9SIdTnD4nD6UdJSFndkmNDDOeGatUQrfEORDBxffdMUN3q1NnBBAzFxxGUgkXvKAIZWWAzhZJUeXo1N4sMjMtbhv-8QQjgHHPwmqYoATdmJKA1q-ZsGP900ZUgxql299-FkXs4bVls--sbm8YEC8Qbz5O0HJzJPCaJZNLAvpmpLBAhPgSQy3I5ikzHv_EiKhRdda3js3UCAsMkG3JZVmzIVJA3aCwR-t8vyX61JmgdWGD5I4fzEZGuweogWHwaiG8HJVUP0W28_8ZE8DuuteR-k4f53MctHfn4iVgCmc6KzkITC--qEbemoFegNbsyQAGR7d8KgX7cJd_gee61tYzb-ZckJSdD4X8iaXKaI77MaMohtV21ARPAFvcq4wgdSleuVNtBQ81mH0LmHhue8S0a399h5pEP4I1mROYyWUFP0e550JhsIeNEgKktFAnMYhJ6V1GrSCiF7IldzhFho531I3eUIDAVX1TeB8IrCQcsjTZtnFnL17Rq0zjFq5gx-xPpKhItH1H-E4bgUQE2TJPcMJOY-39D3xd3SKZkyLFzBJ8CgA8Gn4Ip_KK-ujRm47yuUtheqJ2kRsW4HKJTn80mVdYTxn9Yp5kd1QvvVORfSYz_7-p5jDEDudlk5lUeBVWjbjlGax3Xg-GIrqn0kbAn-OvWxpTPbvq2cSJ9HXINtcI9fqzeW4qDx_HfltZeE4BNYDwKnKjd2CsfomEHM_SKbXL_Hwnxrt-5_IQnoHNJDwEeWoJhZTgic0_hzuT-p9Gl2pvggW5tzURamPuM2yapNpPHMwQ',1795747348,1795833748);
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
INSERT INTO event VALUES(1,1795747340,'cli:unknown','resource.created','resource/https://orders.example.com','{"scopes":["orders:read","orders:write"],"token_lifetime":1800}','','yas6hM93KVdsxZ4yqO3Lzf8PZMqtgDqGpgvwvLsXKqg');
INSERT INTO event VALUES(2,1795747340,'cli:unknown','resource.created','resource/https://invoices.example.com','{"scopes":["invoices:draft","invoices:read"],"token_lifetime":null}','yas6hM93KVdsxZ4yqO3Lzf8PZMqtgDqGpgvwvLsXKqg','PizCD8XQlMzldc5FCh-y8BF-IJ8qDw5J2cAFoZySR2U');
INSERT INTO event VALUES(3,1795747340,'cli:unknown','resource.created','resource/https://gone.example.com','{"scopes":["gone:read"],"token_lifetime":null}','PizCD8XQlMzldc5FCh-y8BF-IJ8qDw5J2cAFoZySR2U','wnp1motCQiL2bKbpRyJQWzSwSCIySWh5ZyO7DUCan2c');
INSERT INTO event VALUES(4,1795747340,'cli:unknown','resource.deleted','resource/https://gone.example.com','{"grants_revoked":0}','wnp1motCQiL2bKbpRyJQWzSwSCIySWh5ZyO7DUCan2c','cGrYmzfhVYvhpQkg66Kqj5f8_8w2Hli4Gs4Z2yOs-4E');
INSERT INTO event VALUES(5,1795747340,'cli:unknown','resource.updated','resource/https://invoices.example.com','{"removed":["invoices:draft"],"scopes":["invoices:read"],"token_lifetime":null}','cGrYmzfhVYvhpQkg66Kqj5f8_8w2Hli4Gs4Z2yOs-4E','JG3xFkMMnPM8nuctFjZGdQuMEuCDVbaBUXTMZKBVq6E');
INSERT INTO event VALUES(6,1795747341,'cli:unknown','client.created','client/billing','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_g9lDVAwMlV38vW0MUzkg"}','JG3xFkMMnPM8nuctFjZGdQuMEuCDVbaBUXTMZKBVq6E','F3fAJJ9O_6Eq2UBxAS6i1F0BIAJxaGbY-ZbqVS3FSC0');
INSERT INTO event VALUES(7,1795747341,'cli:unknown','client.created','client/shop','{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_lPzfos2ixsCvrFVqASCD"}','F3fAJJ9O_6Eq2UBxAS6i1F0BIAJxaGbY-ZbqVS3FSC0','FAQpEXAVsm68qQChrmvfl0VQsvHkGBMJf7UXZUyhM1U');
INSERT INTO event VALUES(8,1795747341,'cli:unknown','client.created','client/basic-only','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_sjRqlKfFlwPQiEFBixMD"}','FAQpEXAVsm68qQChrmvfl0VQsvHkGBMJf7UXZUyhM1U','n5lTA1_cXYKUpSRV-HxJ87PVNjL-PzRz0ZcSW0Y0lrM');
INSERT INTO event VALUES(9,1795747341,'cli:unknown','client.created','client/disabled','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_ZH3mymmunnlMlp2DxjLs"}','n5lTA1_cXYKUpSRV-HxJ87PVNjL-PzRz0ZcSW0Y0lrM','F7OxkJAkzmfdNEy-6dizR3H0SW1ctgQZPREyiZEfRmw');
INSERT INTO event VALUES(10,1795747341,'cli:unknown','client.created','client/deleted','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_n9xyitO7vBnX5SPVrqdc"}','F7OxkJAkzmfdNEy-6dizR3H0SW1ctgQZPREyiZEfRmw','rfXeK8ObcmA_foZptQ_gr1ueWUC1TbIgP4N0Q-NAmSk');
INSERT INTO event VALUES(11,1795747341,'cli:unknown','client.created','client/expired','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_iF3ZdwOxfcboawE8RF9M"}','rfXeK8ObcmA_foZptQ_gr1ueWUC1TbIgP4N0Q-NAmSk','9_jbPD1V1ZNnG93z5OG-vxXbiJTzXzKQ4anhhU9-1X0');
INSERT INTO event VALUES(12,1795747341,'cli:unknown','client.created','client/ended','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_n3AOSOiL3H0fhHLmBdBz"}','9_jbPD1V1ZNnG93z5OG-vxXbiJTzXzKQ4anhhU9-1X0','XEavenh_kKZwwHkr3HMNQz86xC0jaKeu7DNcLzU_weg');
INSERT INTO event VALUES(13,1795747342,'cli:unknown','secret.added','client/ended','{"label":"spare","secret_id":"sec_Ed3sUjjMsA8yktUMu3Cy"}','XEavenh_kKZwwHkr3HMNQz86xC0jaKeu7DNcLzU_weg','ZO4Sf-0UtQHxNidIstdoCX53sdfReRzz5Z4j7wIqrC4');
INSERT INTO event VALUES(14,1795747342,'cli:unknown','secret.expired','client/ended','{"ended_at":"2026-11-27T02:42:22Z","secret_id":"sec_n3AOSOiL3H0fhHLmBdBz"}','ZO4Sf-0UtQHxNidIstdoCX53sdfReRzz5Z4j7wIqrC4','pTMBe8Cv2eDhRNwts2ZqkMp8Sxt8SoFUbkfuqn8mUMw');
INSERT INTO event VALUES(15,1795747342,'cli:unknown','client.imported','client/imported','{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_fkvJkxCq0NiEGezCzKFp"}','pTMBe8Cv2eDhRNwts2ZqkMp8Sxt8SoFUbkfuqn8mUMw','Kn_sorKC7tC4EA1tiHeTe-qIr18yhIYCE14KfatJr08');
INSERT INTO event VALUES(16,1795747342,'cli:unknown','client.imported','client/hashed','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_02APz6DzUUuc7cf12HaP"}','Kn_sorKC7tC4EA1tiHeTe-qIr18yhIYCE14KfatJr08','S0JWc9-GEWQSR5ITwZ-mEJTTDmoRFW5Vzqk_Jq4f_Lc');
INSERT INTO event VALUES(17,1795747342,'cli:unknown','grant.changed','client/basic-only','{"resource":"https://invoices.example.com","scopes":["invoices:read"]}','S0JWc9-GEWQSR5ITwZ-mEJTTDmoRFW5Vzqk_Jq4f_Lc','EcJi6H8WIbXGBImJzNrbONbXB0wpEjDF-dQPahi6cj8');
INSERT INTO event VALUES(18,1795747342,'cli:unknown','grant.revoked','client/basic-only','{"resource":"https://invoices.example.com"}','EcJi6H8WIbXGBImJzNrbONbXB0wpEjDF-dQPahi6cj8','sLJEu9amg_vjX2ILoTBulqziPVhBugHee4KkiKFukCw');
INSERT INTO event VALUES(19,1795747342,'cli:unknown','client.updated','client/basic-only','{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null}','sLJEu9amg_vjX2ILoTBulqziPVhBugHee4KkiKFukCw','fCSYowdwv695RRni4dSr9ypAUNfLcn6mdfHGCZe18oQ');
INSERT INTO event VALUES(20,1795747342,'cli:unknown','client.disabled','client/basic-only','{"reason":null}','fCSYowdwv695RRni4dSr9ypAUNfLcn6mdfHGCZe18oQ','2PSukEd3rAj60ruXZlhHLT3HH9bW9R4iY0cHsa9MSd8');
INSERT INTO event VALUES(21,1795747343,'cli:unknown','client.enabled','client/basic-only','{"reason":null}','2PSukEd3rAj60ruXZlhHLT3HH9bW9R4iY0cHsa9MSd8','UNtUYkWtNDc39IL7myqbxyBipsrmNB7gW5y9pKI81NA');
INSERT INTO event VALUES(22,1795747343,'server','key.created','key/JCYOCgdqfxNMvya_U_Zr14BW-SxmpCOqWvRVebEqD_w','{"algorithm":"ES256","signs_from":"2026-11-27T02:42:23Z"}','UNtUYkWtNDc39IL7myqbxyBipsrmNB7gW5y9pKI81NA','1DzyGt69vknEkTWLI_KX0TpSpRQdWCAGo6NhmO3BTM0');
INSERT INTO event VALUES(23,1795747343,'cli:unknown','secret.rotated','client/billing','{"ended":["sec_g9lDVAwMlV38vW0MUzkg"],"ended_at":"2026-11-28T02:42:23Z","secret_id":"sec_C58hjaGPCwUVzWpLXbRn"}','1DzyGt69vknEkTWLI_KX0TpSpRQdWCAGo6NhmO3BTM0','QI-5Ft4Cr_HnixXjO0YqAYTyi7PZYgiJg7F7bFocIFU');
INSERT INTO event VALUES(24,1795747343,'cli:unknown','client.disabled','client/disabled','{"reason":"moved; see SEC-12"}','QI-5Ft4Cr_HnixXjO0YqAYTyi7PZYgiJg7F7bFocIFU','aotO8iibLBybFDmXb9163UYmupMu8-aGqbFI1atsHYk');
INSERT INTO event VALUES(25,1795747343,'cli:unknown','client.deleted','client/deleted','{"name":"The deleted client"}','aotO8iibLBybFDmXb9163UYmupMu8-aGqbFI1atsHYk','A1q6BMhG84gJH12CnTNjaPr_iIOA_vc1r4a9h3bii00');
INSERT INTO event VALUES(26,1795747348,'server','key.created','key/zTJab-2PRHQD1-KirvLEeOgBDhy176sw-9wxWGfDuTE','{"algorithm":"PS256","signs_from":"2026-11-28T02:42:28Z"}','A1q6BMhG84gJH12CnTNjaPr_iIOA_vc1r4a9h3bii00','7gzUQSSYA-ZDEhbRLNk-6oAIVSOEI-v3T0ZUEU-g4as');
CREATE TABLE event_head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence  BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);
INSERT INTO event_head VALUES(1,26,'7gzUQSSYA-ZDEhbRLNk-6oAIVSOEI-v3T0ZUEU-g4as');
CREATE INDEX client_secret_client_id ON client_secret (client_id);
CREATE INDEX client_grant_resource ON client_grant (resource);
COMMIT;
