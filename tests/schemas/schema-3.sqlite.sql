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
INSERT INTO _sqlx_migrations VALUES(1,'first schema','2026-11-27 02:46:08',1,X'5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e',6404053);
INSERT INTO _sqlx_migrations VALUES(2,'use and rate','2026-11-27 02:46:08',1,X'd4bcbcda47a46a903312f6e0d9fe342f1079574291cec76ca2f59bd6e0bea19efb27d565b7955178f9fc53b81449102e',3423819);
INSERT INTO _sqlx_migrations VALUES(3,'ways to prove and ends of tokens','2026-11-27 02:46:08',1,X'66b37d6bd3628f33cdcda1552d1996dca3cf7522e0d3ee29ccf94cca03445319cf88edb2856c71dbfc6e2b827025ba0b',7228935);
CREATE TABLE sealed_key (
    name    TEXT NOT NULL PRIMARY KEY,
    sealed  TEXT NOT NULL
);
INSERT INTO sealed_key VALUES('secret_tag_key','BiIggG1JZ-rIos2cw9KlnL8cyTcmC9oZ9o1JxI-w8IwMplSY2Il-4AG3lhrd-yK-4IdTMaLZCGnP1iSx');
CREATE TABLE resource (
    resource           TEXT   NOT NULL PRIMARY KEY,
    token_lifetime     BIGINT,
    signing_algorithm  TEXT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
, signed_before TEXT);
INSERT INTO resource VALUES('urn:tokend',NULL,NULL,0,0,NULL);
INSERT INTO resource VALUES('https://orders.example.com',1800,NULL,1795747568,1795747568,NULL);
INSERT INTO resource VALUES('https://invoices.example.com',NULL,NULL,1795747568,1795747569,NULL);
INSERT INTO resource VALUES('https://reports.example.com',NULL,'EdDSA',1795747574,1795747583,'RS256');
CREATE TABLE resource_scope (
    resource     TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scope        TEXT NOT NULL,
    description  TEXT NOT NULL,
    PRIMARY KEY (resource, scope)
);
INSERT INTO resource_scope VALUES('urn:tokend','introspect','Introspect every token of this server');
INSERT INTO resource_scope VALUES('https://orders.example.com','orders:read','Read orders, old and new');
INSERT INTO resource_scope VALUES('https://orders.example.com','orders:write','');
INSERT INTO resource_scope VALUES('https://invoices.example.com','invoices:read','');
INSERT INTO resource_scope VALUES('https://reports.example.com','reports:read','');
CREATE TABLE client (
    client_id       TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('active', 'disabled')),
    auth_methods    TEXT   NOT NULL,
    grant_types     TEXT   NOT NULL,
    token_lifetime  BIGINT,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
, token_rate TEXT, key_set TEXT, jwks_uri TEXT, tls_subject TEXT, dpop_bound BOOLEAN NOT NULL DEFAULT FALSE, certificate_bound BOOLEAN NOT NULL DEFAULT FALSE, networks TEXT);
INSERT INTO client VALUES('billing','The billing client','active','client_secret_basic client_secret_post','client_credentials',600,1795747569,1795747569,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('shop','The shop client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747569,1795747573,'60/m',NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('basic-only','Renamed','active','client_secret_basic','client_credentials',NULL,1795747570,1795747573,'off',NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('disabled','The disabled client','disabled','client_secret_basic client_secret_post','client_credentials',NULL,1795747570,1795747583,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('expired','The expired client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747571,1795747571,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('ended','The ended client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747571,1795747571,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('imported','Größe "S", ''quoted''','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747571,1795747571,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('hashed','hashed','active','client_secret_post','client_credentials',120,1795747571,1795747571,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('keyed','The keyed client','active','private_key_jwt','client_credentials',NULL,1795747574,1795747574,NULL,'{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"jWA3c_LFGwx1mIzDWSHP50VcwaqUMhvzuQKR8SuUjvY","kty":"OKP","use":"sig","x":"9nRnd46IJwGRyIQ-64P2wAJ5KbPtK08auVg9LAAKK0Q"}]}',NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('fetched','The fetched client','active','private_key_jwt','client_credentials',NULL,1795747575,1795747575,NULL,NULL,'https://keys.example.com/jwks.json',NULL,0,0,NULL);
INSERT INTO client VALUES('of-a-root','The of-a-root client','active','tls_client_auth','client_credentials',NULL,1795747575,1795747575,NULL,NULL,NULL,'subject_dn=CN=worker 1,O=Acme\, Inc.,C=DE',0,0,NULL);
INSERT INTO client VALUES('self-signed','The self-signed client','active','self_signed_tls_client_auth','client_credentials',NULL,1795747576,1795747576,NULL,'{"keys":[{"crv":"P-256","kid":"1so96R5VM5-i909e71WaYEiRrzTW-UIw4ltT9cb82tc","kty":"EC","use":"sig","x":"PJiiSIE87Odz_-BBrYcrZzexBScdeU-vBpqcIyIlxY0","x5c":["MIIBdzCCAR2gAwIBAgIUGHdRG5Lxrk0YZ1MIXzGAs6EjazgwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGd29ya2VyMB4XDTI2MTEyNzAyNDYxNVoXDTM2MTEyNDAyNDYxNVowETEPMA0GA1UEAwwGd29ya2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPJiiSIE87Odz/+BBrYcrZzexBScdeU+vBpqcIyIlxY2aRI4d/qvbbb9ZievcDQ9dY3kZmp3tNmP33u4gz/5ZqaNTMFEwHQYDVR0OBBYEFBADVpMDai7lF+XQglcGcLhf2oZQMB8GA1UdIwQYMBaAFBADVpMDai7lF+XQglcGcLhf2oZQMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgW56DS1YJQkO9Cd3vnns0rn88rwJzLy0osYYjCgNUhnACIQCj+2QGOV0wUkUNsfg40WCy9r/ySgLXPHqjSktyp795lA=="],"y":"mkSOHf6r222_WYnr3A0PXWN5GZqd7TZj997uIM_-Wak"}]}',NULL,NULL,0,1,NULL);
INSERT INTO client VALUES('bound','The bound client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747576,1795747576,NULL,NULL,NULL,NULL,1,0,NULL);
INSERT INTO client VALUES('near','The near client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747577,1795747577,NULL,NULL,NULL,NULL,0,0,'127.0.0.0/8 2001:db8::/32');
INSERT INTO client VALUES('far','The far client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747577,1795747577,NULL,NULL,NULL,NULL,0,0,'10.0.0.0/8');
INSERT INTO client VALUES('partly-near','The partly-near client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747578,1795747578,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('reports','The reports client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747579,1795747579,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('introspector','The introspector client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747580,1795747580,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('revoked','The revoked client','active','client_secret_basic client_secret_post','client_credentials',NULL,1795747580,1795747580,NULL,NULL,NULL,NULL,0,0,NULL);
INSERT INTO client VALUES('federated','The federated client','active','private_key_jwt','client_credentials urn:ietf:params:oauth:grant-type:jwt-bearer',NULL,1795747580,1795747580,NULL,NULL,NULL,NULL,0,0,NULL);
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
INSERT INTO client_secret VALUES('sec_0GfliclzKaWSz4RSMaSD','billing','minted','$argon2id$v=19$m=64,t=1,p=1$jOFK08b15kymO4ZKRxPLRg$U2GREne/u8jxv3ne7hM7St0T4qwawDg2UjNiDgPG7zc','19RbFA','first of two',1795747569,1795833983);
INSERT INTO client_secret VALUES('sec_dCFsIM7lcDuWA1ScJgfT','shop','minted','$argon2id$v=19$m=64,t=1,p=1$dEi1cSLBxLOEux+qUqUWeQ$DwhUPDJB1ZYaoJpo/z2wxR/F5h1hYwP7KKnI18xjs7k','3C3xjK','',1795747569,NULL);
INSERT INTO client_secret VALUES('sec_tQFZ3uwnGYX3a10vxxDr','basic-only','minted','$argon2id$v=19$m=64,t=1,p=1$0AixoIGupOUYwfPb7M4Xpw$YWlycHQkQoPn83TBzy2jE+z3U5nshNUVHS3ehAixQyw','1fUflI','',1795747570,NULL);
INSERT INTO client_secret VALUES('sec_q7GIPfb60t4RmiwniD3z','disabled','minted','$argon2id$v=19$m=64,t=1,p=1$BRtgvf0BRyn7NLS3sF8PTA$nf49HQtVaLtrARNFkvIV0Mt+z0QqYrnU9vBSrujHV9c','0mzhcN','',1795747570,NULL);
INSERT INTO client_secret VALUES('sec_dEEXbv9qR5ezNeU3YSSD','expired','minted','$argon2id$v=19$m=64,t=1,p=1$JJ+AXThrYTy5wrc/Pk5aOg$frnO7KGOhXGEa8jplbjBJElcByL/pWZQFJkrac9eHzM','0tlRjw','',1795747571,1795747572);
INSERT INTO client_secret VALUES('sec_L2CChMsGHcIGut754zlV','ended','minted','$argon2id$v=19$m=64,t=1,p=1$7JlPA8mhu+zpuyZkkvS5qQ$l8G9AoPIxHVTra4jJr5QO0qjUqv8sjVf4vwIhcwy01g','1nrzVZ','',1795747571,1795747571);
INSERT INTO client_secret VALUES('sec_RWcd7frqfv4QFP8cWo2o','ended','minted','$argon2id$v=19$m=64,t=1,p=1$RI/6WnrYP7klDlE7FbP+Eg$L9Gk25u5YZCk4aA1H4dgoKRuS9oaXfLp/mbyO9tnUrg','2u73dr','spare',1795747571,1803523571);
INSERT INTO client_secret VALUES('sec_xag6L76nKBEptNB8O509','imported','imported','$argon2id$v=19$m=64,t=1,p=1$72x4OCdPyAp78EgKrCPduw$nwclm04TJ9kPLy5H1FAj8ab38vYcmBXUrX3pfcVRNQQ','','imported',1795747571,NULL);
INSERT INTO client_secret VALUES('sec_VFY5F2kZeKoBAW8Oj17w','hashed','imported','$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4','','imported',1795747571,NULL);
INSERT INTO client_secret VALUES('sec_dg05OXrmWACzzBxmLJmC','bound','minted','$argon2id$v=19$m=64,t=1,p=1$dkdVZ5RvgL8iV3uYChpHZg$F1+teGphjZjYeJvMyRvHk5H55TtWDl2U6HZPI6+hYO4','0gsaIK','',1795747576,NULL);
INSERT INTO client_secret VALUES('sec_5YyDHb8Vd6L77pgqXP2z','near','minted','$argon2id$v=19$m=64,t=1,p=1$A9+0CePz8YWMGwKOv0zXRQ$++yjtDnj9gb0O1tVhHdY/g5QEJJZjYABnLWOev+9JHA','3thy60','',1795747577,NULL);
INSERT INTO client_secret VALUES('sec_6t3eEtQMtjiCUIJ8btdP','far','minted','$argon2id$v=19$m=64,t=1,p=1$4y2zV0MZkGMSZVm4lGyPtQ$suoDiWC/iQhPeGrgiKtw8xSHBbjAsMh67wjPWhmekek','16JzED','',1795747577,NULL);
INSERT INTO client_secret VALUES('sec_sJ41oqrRNh014Wj1T3Bo','partly-near','minted','$argon2id$v=19$m=64,t=1,p=1$d4kf5o4K4WuSvNBBMIs0IA$Pp670eZjpwUngD6OD+CEcrFXz1asK8zOx9pPYdac3kc','04rycb','',1795747578,NULL);
INSERT INTO client_secret VALUES('sec_4QgVZGdkttr9yzVhQxe5','reports','minted','$argon2id$v=19$m=64,t=1,p=1$mpx6gNJIZX5UKCD1uKnF4w$XWQMNoat8gdJ8RzFgNDb6keIoVSnZ0pycfouzinjgTw','3S4qDQ','',1795747579,NULL);
INSERT INTO client_secret VALUES('sec_NS3QUAeaEQRCKsSxTabj','introspector','minted','$argon2id$v=19$m=64,t=1,p=1$0QHOoPMDcWnK+z6Y7wR1AQ$CyfVtE3tLtHt099S9jwgb3dXvaYi7LM9StleIt9AKrk','3w6hh0','',1795747580,NULL);
INSERT INTO client_secret VALUES('sec_EFKfbKFInaV4HFhmjQRz','revoked','minted','$argon2id$v=19$m=64,t=1,p=1$SAWwWjGncJ9EJeoHbuAKDQ$Wk2K/w8eL2ziiWy8qRm4fKCNeDyR/pW/LDMwMNYAETA','49Rk9D','',1795747580,NULL);
INSERT INTO client_secret VALUES('sec_Sij6uEG131Mt4hdBhqhg','billing','minted','$argon2id$v=19$m=64,t=1,p=1$9WGSHTYOmUpurKsEkKg9eg$NX5uQ8oqp0Hx/i0MhxYMFSGqpD9E0YYkFt3KF8Xm5Mg','3wusmS','second of two',1795747583,NULL);
CREATE TABLE client_grant (
    client_id  TEXT NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    resource   TEXT NOT NULL REFERENCES resource (resource) ON DELETE CASCADE,
    scopes     TEXT, networks TEXT,
    PRIMARY KEY (client_id, resource)
);
INSERT INTO client_grant VALUES('billing','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('shop','https://orders.example.com','orders:read',NULL);
INSERT INTO client_grant VALUES('shop','https://invoices.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('basic-only','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('disabled','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('expired','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('ended','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('imported','https://orders.example.com','orders:read',NULL);
INSERT INTO client_grant VALUES('hashed','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('keyed','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('fetched','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('of-a-root','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('self-signed','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('bound','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('near','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('far','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('partly-near','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('partly-near','https://invoices.example.com',NULL,'10.0.0.0/8');
INSERT INTO client_grant VALUES('reports','https://reports.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('introspector','urn:tokend','introspect',NULL);
INSERT INTO client_grant VALUES('revoked','https://orders.example.com',NULL,NULL);
INSERT INTO client_grant VALUES('federated','https://orders.example.com',NULL,NULL);
CREATE TABLE signing_key (
    kid         TEXT   NOT NULL PRIMARY KEY,
    algorithm   TEXT   NOT NULL,
    sealed      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    signs_from  BIGINT NOT NULL
, retired_at BIGINT);
INSERT INTO signing_key VALUES('xiWr-ii3bEmsJmGlHk3Q92mhaKrAlm12K87gPyb61og','ES256','GxbcDv9wLMqbRvwRYOpYRQZhg-NEMng2tnwzTx3gfWImsmNmeqCjr0th3_mhut5eryG1k4gXzVD5BhrMy_RSxtM4C8rWEpnxn7sRb9nMR0qDoorQqKEukAWVWGKrNbbcgvuHjg5l-3l3jM85LLwSLYQLwqiWlCim6b511yB6GN_7jOuwhUiJhjv9U8_2Ted0j4_SnxOR1wZY796NN3XzJ2uwBum5Xg',1795747581,1795747581,NULL);
INSERT INTO signing_key VALUES('1ZZPR49ny-wpT0UXBK_tITFiSgNJwlRUTYw5PpBBIrg','RS256','pD5UYbSQWguhaLCWMmo2DM3pL3quAmuWTO6qCSnx75jAJHJT--Ub8IhdOKtS3ZamkDQ6B5u1iAPZwYhYz3PLUyk47PeER3idhHqYm-mxfi2GHWcV986tRtS-uT04QJ7CbvWD28YlglUFvheiTUeixjzZ_D3zayFCkOyn3kCV0wWH-8MS1gxV6yFTuPW_yYX-9IG5DiQSCn1LSbej8pTeVxFM659H8S8ABUZzL1XEd43aRmIvKGnJB8YFcQKeyJNkW_5WJOg1QN_eWToksDzNq8_Kl6TH7vf92vKN-jjEetryzsw1QCHC3jY6tiypycTpQg-umMFHhPcjXgXJbZyqBAk5fOjovV_UAChiCGA3kkTRVTSE77Qq4lj7djGEOANW4fzWhYAu6zdiPavseHTNSqKhNWcR5tEVaV4QQrA4YSUvx8laiCDxaOlcoZ__KofAi1cuWbPdt0MoXMCwWl8tbi1w0yYCRscI-LYfr7vN20Qp3yU6eFoBrnkITne9-XZ06tOZVkFKjM6da0nQOOzsAi969wtbV8f08SQdXhoAmrOZfWoMsWtVpOL9DQ6vAihM1o4s3vSQzFjP6-cgVDLqlYFfil9jn7DVoNhisW9u3fPNhbs11tb-wX_Z8XZSBgHkRjs9BxHS-F_sY7b7FmxvhRZhWwaBzLKsckgIDQTA7urD__u1Cq95Dreqv68v-xTcpVabtHCJvs96j0ZZdFe4xlGwT42ykaEd5uj5YvqvswTisvA-CoBRHBBOvmjiWxuvHzpW8msX4U4eFLjQCom6O_Z6MQLyE3XC0OCSyzo1jhQRVFhzEXhD4L0jtDG5IEcgFi3FyFqt2-iaAZEt1q0Fqlk2GT77ayBvKtbb7CZ8DdLND0cp2a9QWvbrpHdjRZiX16tI0QAqrwJdrlYtGSzD-LETGFKEUSzcMJKs6QHeTr81hTJm47UqRm2I5tbJ5RlP9lz-JdIzGNZlJ09sVlcC2HjJER8bNJ-onfzFJGTkaLAi_gtTA_hlKVburWXIKVkbtXtLWAwuVKB6k7_XzxWWSY6BJxoC2UY7t9aXhiTZEL--BcXGgcew0KOhpVnOb1zHXxt2vFGKdAaLSGGWN7AxcbT6aJ3ymMIMJYkcvvpWzbvW6F-O3FYlrREl1QAQ-Jkb7Fd2h7CHm05o7sFqHMVJYf1hJMctLLBj0rvaZG8tkjnpe_fuGtZumnsn8ePd2XhxOraEznSqX1mAUACU3UUDL3Nz3hbZq7wRoUNxKAT8u9lbpiItum0s57kdb-b03YxJNuDycbgncXX-3I3U2BDU22U2epEE-S2DnFuEXFowksMs45Mwncfar2FEbClTUWTpBmMSJIDFh-lldFGpWfYGMAdo-bUJBMvKEy8sJtWxx_eVMI4CAAQmFwaKAWTlA9sY5WPYlCcYFG1xDj7nGOcWKAIvsA2pZXNRNIYgYiILF43ktRDnQX4DBw1XaNFPPtzs7UWPiewQ1aFA7_13wpAIHmE6NsEKboP1S-N2NxdMUn2li6ozrMcBmUjrPOuzd0Ds4j5euuW5hUdfajoLiMFDPjPXIckK-SWis3IdFQOD1YVYMv-5R9Miv2RFNIDakk5CrmwP8n1OBAEKwQDFYaRJLu-iFgTJsyl7AO-lTDBuyK3XVnuocYqpZfG0omUaOuI',1795747581,1795747582,1795747585);
INSERT INTO signing_key VALUES('CRqiVr1NQQyYaMBrHpSlPyyqU3XqFsuHPmUKNG7m7ss','EdDSA','5jWBzWl5yj-T1r9bAYmjoPPoaff6BPgiI1cOwA3ef5Bp3WidGY9nVmYXDAfkVNonQyaSpQ_S9nqSD1LlKwJ7KVRCmbtFMVRTeifVhQ',1795747583,1795747584,NULL);
INSERT INTO signing_key VALUES('klOaq4lX3Pwa0L1dTR4hs5NAs5515GrD8jz6XvAn1ZM','PS256','ueILB68SBjkt2k8MPFPRQ7zmp1WAngpARnHTqBelOLpMQ4fVhJAPDPL0ChwCGddXwrxuOb6hWiHeHqNXZXGkWvs2sGfYB3NLOOV1-s0WdvuZxiJay0PuLnKlZuocK5cKO2C6w6hmB0XLkvT5e8-LLAEWNRldcRRNdcO4P7xoC7o1Gb96jK-FHwkXHjyxzNI-2BinZwd9MHdwXhyJ82mHIEHCmywGBuh4Tu0feNb835XPSi3rduFfQ2ssscv_S4EzuatgwR9aJVWXd323CJ8U1vseG854Bd2xg_ligK7-Ykex8zGkkEINJE2GBOr6-kJfIwEoxoe3GeYeBgBowWfOwjN0e5elt-bvlK5gdrh1jJrx7JH7Y_7I3YWktYLxveY_40_1b_tNnfqBAk18sIGgWf6RvV8s9qWphy2HstIdlUXU0J3fppkUMwILcGp4NH1qYiiHBGyIqvGeb1uFSd6btDiKapueuuUQppR5tODBvpciAbQIYs2pRkxmL9dnOYaHGNlkJIgVcPTJ010BUJ-GlkkRdJTUXZrIqxFSg3UiEVrkfyJs6XSMOT2jucNqwyc2rxWRGekntlPXjXPvB284rM5X0MJeB_MH1gYpjvnTN-IelwYrYW-AWmb1Uqp447jnkbKjTLkWPSsTLt-QQTU_klWxuYIbFxURMMG1vSP0cjOOjiyAPJn4Cu6Safdldz-_NFJpDrpi33lAdKiXj73lwL11oIN1quiwKF-LAK8-AtxGYk0N7rj-IhgWr6bZtZJrD7jkr2WTeq4kCwR0_ZqWcbmGWWtLufr_NPpb_Le9XT6k_jScFdCZOKKzjPzH8YnlZIEBIPnUM431R1LxVY_5LpmhmuQRsLzT0TM7Cpd0Fit3B_ee_kixDCxR9zzYjo43fFze-B-bkK1UtGSI4e7j5qR560faSPU7mPLBjaUutcjjF4Uxblietg5ZbfDSHKAPpsPNen5O00y-n-rUFSI3OARKn1P4J-YORvf1ocjvD1WPnh0ynEn7bowilSuAjIK6pwKDe1vpXXMVXuMPvFlwrHd2tHH5-RfUXU2kzaxJwwMKPJVtYsF5KyYfRXJddOiY1hH3t7XJhMYoEf9MpRuviMD7RDJtR5VaS9JdRJFab6CG_G_xG-ov3Nnk5tLpJ4XqYD2MaV2l7opX7WXLu96crqZYIoV-MVzX1gvQpW5RLdONTlqKsk90U2LONnhG_6NqAgf5IhrYI9ik7vjIGrC4QdFDk7lZ6ZiUKb4Ed9DT50tga496iC7rOYCJZZ-99_tZ3T34DYnPt0ZRckzWvRRki7m_w8fo8GN5crMVGSVtwMppSF2p6J0fuTfY1QbopFe8vkxnCRllPFaUVjkvGDEkZhFtBQSQFLT8RAC2SQshH1QtOSvHwclfYFtVMk0rpBrsj89Dy8L1zYCLx8YMTXF-NM66iPsP5-9xuh3duidTdN7qzAOpPR4oTfLfH5HpzoW2LyZvy3UaLoy18Qs9El8DnJXat7hsB0bfzzxoKVatnJxWFfdurcRr99GeXCXnANSPGFznXhV0mLj3f2oDPmi8AbkgdyrK7bFDhsJXxPszCR-I85ka90wgRqBl3cMs-H2RWtMyysW1__mh1dApilmdCthwfGbstRl-nEKTeOK_LJAR2pa2qc_g75m_HE1akA',1795747588,1795833988,NULL);
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
INSERT INTO event VALUES(1,1795747568,'cli:unknown','resource.created','resource/https://orders.example.com','{"scopes":["orders:read","orders:write"],"signing_algorithm":null,"token_lifetime":1800}','','mvqcDYv8jrefXYQtp-hK5UUINqCO_7D-EXDQoXH95Qg');
INSERT INTO event VALUES(2,1795747568,'cli:unknown','resource.created','resource/https://invoices.example.com','{"scopes":["invoices:draft","invoices:read"],"signing_algorithm":null,"token_lifetime":null}','mvqcDYv8jrefXYQtp-hK5UUINqCO_7D-EXDQoXH95Qg','XQ-bG_MPThvWAHxAi97f0mosOmBOqBGTdBqO_BS_LuQ');
INSERT INTO event VALUES(3,1795747569,'cli:unknown','resource.created','resource/https://gone.example.com','{"scopes":["gone:read"],"signing_algorithm":null,"token_lifetime":null}','XQ-bG_MPThvWAHxAi97f0mosOmBOqBGTdBqO_BS_LuQ','oqUTPMeEvT1G1XLitOIcwdxkqpx8McMPfqeOFocLwHA');
INSERT INTO event VALUES(4,1795747569,'cli:unknown','resource.deleted','resource/https://gone.example.com','{"grants_revoked":0}','oqUTPMeEvT1G1XLitOIcwdxkqpx8McMPfqeOFocLwHA','Yt62ETdvR_6hK8rtqK7kIhMH9JfcgIjFh7xbvOYexv0');
INSERT INTO event VALUES(5,1795747569,'cli:unknown','resource.updated','resource/https://invoices.example.com','{"removed":["invoices:draft"],"scopes":["invoices:read"],"signing_algorithm":null,"token_lifetime":null}','Yt62ETdvR_6hK8rtqK7kIhMH9JfcgIjFh7xbvOYexv0','MEc0XH5WY-z16QEWeLpYK-J178fO2zB1W_9IKR65taQ');
INSERT INTO event VALUES(6,1795747569,'cli:unknown','client.created','client/billing','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_0GfliclzKaWSz4RSMaSD","security":{}}','MEc0XH5WY-z16QEWeLpYK-J178fO2zB1W_9IKR65taQ','lOcwHWLqWQfgddeRkHqOm7xe2IHYhFKRg_BXkS7cxbg');
INSERT INTO event VALUES(7,1795747569,'cli:unknown','client.created','client/shop','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_dCFsIM7lcDuWA1ScJgfT","security":{}}','lOcwHWLqWQfgddeRkHqOm7xe2IHYhFKRg_BXkS7cxbg','yPkhgHy_HRWdSSFJKFOvJU4QMndhaqKuda7bRxNdtlM');
INSERT INTO event VALUES(8,1795747570,'cli:unknown','client.created','client/basic-only','{"auth_methods":["client_secret_basic"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_tQFZ3uwnGYX3a10vxxDr","security":{}}','yPkhgHy_HRWdSSFJKFOvJU4QMndhaqKuda7bRxNdtlM','M_c2NQDl54G94bJDfi9Via2T2WNYPbyvHY1sRo2VTJg');
INSERT INTO event VALUES(9,1795747570,'cli:unknown','client.created','client/disabled','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_q7GIPfb60t4RmiwniD3z","security":{}}','M_c2NQDl54G94bJDfi9Via2T2WNYPbyvHY1sRo2VTJg','Yl2ZClnUJFnkwATGS7zgIvtjZXGqiZ3knHOQDdStLSE');
INSERT INTO event VALUES(10,1795747570,'cli:unknown','client.created','client/deleted','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_bH4Wvte3dMWEdaTJaPKu","security":{}}','Yl2ZClnUJFnkwATGS7zgIvtjZXGqiZ3knHOQDdStLSE','NvWsKZCzUJ3Qfi3zCTXf7zx1ERrQ2kEzrOsh3NcSQkw');
INSERT INTO event VALUES(11,1795747571,'cli:unknown','client.created','client/expired','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_dEEXbv9qR5ezNeU3YSSD","security":{}}','NvWsKZCzUJ3Qfi3zCTXf7zx1ERrQ2kEzrOsh3NcSQkw','So7BqUEjoBj2mBmbmfauumPRnA5lbC6Z5bz4NQBnAic');
INSERT INTO event VALUES(12,1795747571,'cli:unknown','client.created','client/ended','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_L2CChMsGHcIGut754zlV","security":{}}','So7BqUEjoBj2mBmbmfauumPRnA5lbC6Z5bz4NQBnAic','Wk5SjaoKrEjDRtQSOJxlDX85jWwXDq0ZpelYhZIiC4g');
INSERT INTO event VALUES(13,1795747571,'cli:unknown','secret.added','client/ended','{"label":"spare","secret_id":"sec_RWcd7frqfv4QFP8cWo2o"}','Wk5SjaoKrEjDRtQSOJxlDX85jWwXDq0ZpelYhZIiC4g','zE7vuZ2fkUHznuc5iWUYvAucyWNV8jfXWzojcfCLctk');
INSERT INTO event VALUES(14,1795747571,'cli:unknown','secret.expired','client/ended','{"ended_at":"2026-11-27T02:46:11Z","secret_id":"sec_L2CChMsGHcIGut754zlV"}','zE7vuZ2fkUHznuc5iWUYvAucyWNV8jfXWzojcfCLctk','a0npu7MoqQ_EUe9CJJbwPHMzoHLU5lHdO9RC2qwAX08');
INSERT INTO event VALUES(15,1795747571,'cli:unknown','client.imported','client/imported','{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_xag6L76nKBEptNB8O509"}','a0npu7MoqQ_EUe9CJJbwPHMzoHLU5lHdO9RC2qwAX08','Zb_8rEpouVrEdQIh5XIw4GtJZuC9azd9DS08GxQkzSw');
INSERT INTO event VALUES(16,1795747571,'cli:unknown','client.imported','client/hashed','{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_VFY5F2kZeKoBAW8Oj17w"}','Zb_8rEpouVrEdQIh5XIw4GtJZuC9azd9DS08GxQkzSw','XV_sD-LSPqDfvjaRyb74HE6Cny6tZqqb3ryn0_2xZJM');
INSERT INTO event VALUES(17,1795747572,'cli:unknown','grant.changed','client/basic-only','{"resource":"https://invoices.example.com","scopes":["invoices:read"]}','XV_sD-LSPqDfvjaRyb74HE6Cny6tZqqb3ryn0_2xZJM','saRgW1oKJxf2zDbqJAOIy3RtrnVcjaRZxi7eGTj-3HU');
INSERT INTO event VALUES(18,1795747572,'cli:unknown','grant.revoked','client/basic-only','{"resource":"https://invoices.example.com"}','saRgW1oKJxf2zDbqJAOIy3RtrnVcjaRZxi7eGTj-3HU','odMmtTN9IXjYDhUJRqFACxZStQuK3_L3OChElZpqCI8');
INSERT INTO event VALUES(19,1795747572,'cli:unknown','client.updated','client/basic-only','{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","security":{},"token_lifetime":null,"token_rate":null}','odMmtTN9IXjYDhUJRqFACxZStQuK3_L3OChElZpqCI8','ItiA-IsZgz1YORH0uxYv9iDyoSZXNXbdQHygpMPVky0');
INSERT INTO event VALUES(20,1795747572,'cli:unknown','client.disabled','client/basic-only','{"reason":null}','ItiA-IsZgz1YORH0uxYv9iDyoSZXNXbdQHygpMPVky0','4mTycZoufgGoxgYUEuQaJNPglnFlILzCmapHjcdFhdw');
INSERT INTO event VALUES(21,1795747572,'cli:unknown','client.enabled','client/basic-only','{"reason":null}','4mTycZoufgGoxgYUEuQaJNPglnFlILzCmapHjcdFhdw','Ha5UzTy029ve5VllMu4RXxRZ87mDZIvses_wHDmd3xo');
INSERT INTO event VALUES(22,1795747573,'cli:unknown','client.updated','client/shop','{"auth_methods":["client_secret_basic","client_secret_post"],"grant_types":["client_credentials"],"name":"The shop client","security":{},"token_lifetime":null,"token_rate":"60/m"}','Ha5UzTy029ve5VllMu4RXxRZ87mDZIvses_wHDmd3xo','Ea6IJH18AI6WWhhtxNg8Du0JPgolzAQAGFltl-7ghRo');
INSERT INTO event VALUES(23,1795747573,'cli:unknown','client.updated','client/basic-only','{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","security":{},"token_lifetime":null,"token_rate":"off"}','Ea6IJH18AI6WWhhtxNg8Du0JPgolzAQAGFltl-7ghRo','b59066SDCQ8alJXgiANBTc4Ji_pEmuUfChG9thxttyA');
INSERT INTO event VALUES(24,1795747574,'cli:unknown','resource.created','resource/https://reports.example.com','{"scopes":["reports:read"],"signing_algorithm":"RS256","token_lifetime":null}','b59066SDCQ8alJXgiANBTc4Ji_pEmuUfChG9thxttyA','JjKLxA0D6r6M1tgbzkuSjCYDLpiP2P3m06XbqdYikM8');
INSERT INTO event VALUES(25,1795747574,'cli:unknown','client.created','client/keyed','{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The keyed client","secret_id":null,"security":{"jwks":{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"jWA3c_LFGwx1mIzDWSHP50VcwaqUMhvzuQKR8SuUjvY","kty":"OKP","use":"sig","x":"9nRnd46IJwGRyIQ-64P2wAJ5KbPtK08auVg9LAAKK0Q"}]}}}','JjKLxA0D6r6M1tgbzkuSjCYDLpiP2P3m06XbqdYikM8','gzNRxvc8DzOUxSCO1j6dX1p6a7ye36H76iVmXfLEG_s');
INSERT INTO event VALUES(26,1795747575,'cli:unknown','client.created','client/fetched','{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The fetched client","secret_id":null,"security":{"jwks_uri":"https://keys.example.com/jwks.json"}}','gzNRxvc8DzOUxSCO1j6dX1p6a7ye36H76iVmXfLEG_s','vunkAhBPiU8et00mudIzSCXKu1De9G6TU8Hk-n56IRk');
INSERT INTO event VALUES(27,1795747575,'cli:unknown','client.created','client/of-a-root','{"auth_methods":["tls_client_auth"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The of-a-root client","secret_id":null,"security":{"tls_client_auth_subject_dn":"CN=worker 1,O=Acme\\, Inc.,C=DE"}}','vunkAhBPiU8et00mudIzSCXKu1De9G6TU8Hk-n56IRk','ZaCDy_vtc8haQUWmm_AHWNiUI5sP2oBZgmAwN_9Nx2E');
INSERT INTO event VALUES(28,1795747576,'cli:unknown','client.created','client/self-signed','{"auth_methods":["self_signed_tls_client_auth"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The self-signed client","secret_id":null,"security":{"jwks":{"keys":[{"crv":"P-256","kid":"1so96R5VM5-i909e71WaYEiRrzTW-UIw4ltT9cb82tc","kty":"EC","use":"sig","x":"PJiiSIE87Odz_-BBrYcrZzexBScdeU-vBpqcIyIlxY0","x5c":["MIIBdzCCAR2gAwIBAgIUGHdRG5Lxrk0YZ1MIXzGAs6EjazgwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGd29ya2VyMB4XDTI2MTEyNzAyNDYxNVoXDTM2MTEyNDAyNDYxNVowETEPMA0GA1UEAwwGd29ya2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPJiiSIE87Odz/+BBrYcrZzexBScdeU+vBpqcIyIlxY2aRI4d/qvbbb9ZievcDQ9dY3kZmp3tNmP33u4gz/5ZqaNTMFEwHQYDVR0OBBYEFBADVpMDai7lF+XQglcGcLhf2oZQMB8GA1UdIwQYMBaAFBADVpMDai7lF+XQglcGcLhf2oZQMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgW56DS1YJQkO9Cd3vnns0rn88rwJzLy0osYYjCgNUhnACIQCj+2QGOV0wUkUNsfg40WCy9r/ySgLXPHqjSktyp795lA=="],"y":"mkSOHf6r222_WYnr3A0PXWN5GZqd7TZj997uIM_-Wak"}]},"tls_client_certificate_bound_access_tokens":true}}','ZaCDy_vtc8haQUWmm_AHWNiUI5sP2oBZgmAwN_9Nx2E','cRiGUB-GaXay1RRSEtlrHAu7yl03zNZiP6Lyj2dCEc8');
INSERT INTO event VALUES(29,1795747576,'cli:unknown','client.created','client/bound','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The bound client","secret_id":"sec_dg05OXrmWACzzBxmLJmC","security":{"dpop_bound_access_tokens":true}}','cRiGUB-GaXay1RRSEtlrHAu7yl03zNZiP6Lyj2dCEc8','mhKv6qjIDp3TfobQ46_0oBkIcWFf4gKxHBz46upIoXA');
INSERT INTO event VALUES(30,1795747577,'cli:unknown','client.created','client/near','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The near client","secret_id":"sec_5YyDHb8Vd6L77pgqXP2z","security":{"networks":["127.0.0.0/8","2001:db8::/32"]}}','mhKv6qjIDp3TfobQ46_0oBkIcWFf4gKxHBz46upIoXA','SX8BwOMvOAer3nv1UOZEyHKkNoYXi8wPF7j_FQ3bbLQ');
INSERT INTO event VALUES(31,1795747577,'cli:unknown','client.created','client/far','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The far client","secret_id":"sec_6t3eEtQMtjiCUIJ8btdP","security":{"networks":["10.0.0.0/8"]}}','SX8BwOMvOAer3nv1UOZEyHKkNoYXi8wPF7j_FQ3bbLQ','ONxHu7Wl_EpQFfF_fWmgARE2j9iu5vU8Yejh6R33jko');
INSERT INTO event VALUES(32,1795747578,'cli:unknown','client.created','client/partly-near','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The partly-near client","secret_id":"sec_sJ41oqrRNh014Wj1T3Bo","security":{}}','ONxHu7Wl_EpQFfF_fWmgARE2j9iu5vU8Yejh6R33jko','gxfzRO9vJx7wxaebjBarerie0l1TETpcMxUNZHWOkZU');
INSERT INTO event VALUES(33,1795747578,'cli:unknown','grant.changed','client/partly-near','{"networks":["10.0.0.0/8"],"resource":"https://invoices.example.com","scopes":"all"}','gxfzRO9vJx7wxaebjBarerie0l1TETpcMxUNZHWOkZU','NwPhK3_7SRpcZh9Q0UvBJ6IogRFIRH-aCsS9duRjzEc');
INSERT INTO event VALUES(34,1795747579,'cli:unknown','client.created','client/reports','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://reports.example.com","scopes":"all"}],"name":"The reports client","secret_id":"sec_4QgVZGdkttr9yzVhQxe5","security":{}}','NwPhK3_7SRpcZh9Q0UvBJ6IogRFIRH-aCsS9duRjzEc','iRoQISEp69FaveM4DT6-5I0iI34v-TWW9dKynC4GGfc');
INSERT INTO event VALUES(35,1795747580,'cli:unknown','client.created','client/introspector','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"urn:tokend","scopes":["introspect"]}],"name":"The introspector client","secret_id":"sec_NS3QUAeaEQRCKsSxTabj","security":{}}','iRoQISEp69FaveM4DT6-5I0iI34v-TWW9dKynC4GGfc','BJ1UPNf96VbPcNsTFk0IAsIfWWG3LX9gQ4ph3ZbUpuI');
INSERT INTO event VALUES(36,1795747580,'cli:unknown','client.created','client/revoked','{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The revoked client","secret_id":"sec_EFKfbKFInaV4HFhmjQRz","security":{}}','BJ1UPNf96VbPcNsTFk0IAsIfWWG3LX9gQ4ph3ZbUpuI','eM-e_xrTSHNw4CUfOS8svAWGgBYuIF9TUBRRuVuWFC0');
INSERT INTO event VALUES(37,1795747580,'cli:unknown','client.created','client/federated','{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The federated client","secret_id":null,"security":{}}','eM-e_xrTSHNw4CUfOS8svAWGgBYuIF9TUBRRuVuWFC0','ZUZ-J2s1Lvx_JEGtYq8oVendTQscyIZ6GDYv6i2NwAA');
INSERT INTO event VALUES(38,1795747580,'cli:unknown','client.trust_added','client/federated','{"audience":"https://id.example.com","conditions":{"ref":"refs/heads/main","sub":"repo:acme/api:*"},"created_at":"2026-11-27T02:46:20Z","issuer":"https://ci.example","jwks":{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"5ARhM-DO8NaMeuXU-me5ckIGxTHAC-nhFEgvZWsRU5s","kty":"OKP","use":"sig","x":"j5BQF-4NmnPDqJ3TQoKfVk3R0YUn0OIF2-4fb6JM3_s"}]},"trust_id":"tru_HK6IkhilQkH17Igzi2ZD"}','ZUZ-J2s1Lvx_JEGtYq8oVendTQscyIZ6GDYv6i2NwAA','L8UOdXSJHZbREpIMMKbtPF0HSKo4h6RPKFTbNsMYB3Q');
INSERT INTO event VALUES(39,1795747580,'cli:unknown','client.trust_added','client/federated','{"audience":"https://id.example.com","conditions":{"sub":"spiffe://example/worker"},"created_at":"2026-11-27T02:46:20Z","issuer":"https://spire.example","jwks_uri":"https://spire.example/keys","trust_id":"tru_cGzgAE7VczLheIJibYE4"}','L8UOdXSJHZbREpIMMKbtPF0HSKo4h6RPKFTbNsMYB3Q','HumfxzLJRilm52F9YvLfhdo2xYaYb51GlORpJd2i7kk');
INSERT INTO event VALUES(40,1795747581,'cli:unknown','client.trust_added','client/federated','{"audience":"https://id.example.com","conditions":{"/kubernetes.io/namespace":"billing","sub":"system:serviceaccount:a:b"},"created_at":"2026-11-27T02:46:21Z","issuer":"https://k8s.example","trust_id":"tru_QCa9s3gyQ0ravok2tAVZ"}','HumfxzLJRilm52F9YvLfhdo2xYaYb51GlORpJd2i7kk','nGtus-s3mXD06RQarjHHan6kH1LcpnT8AzdXsRF6RWI');
INSERT INTO event VALUES(41,1795747581,'server','key.created','key/xiWr-ii3bEmsJmGlHk3Q92mhaKrAlm12K87gPyb61og','{"algorithm":"ES256","signs_from":"2026-11-27T02:46:21Z"}','nGtus-s3mXD06RQarjHHan6kH1LcpnT8AzdXsRF6RWI','9UAMQFLzGPM309q1qNyaJQnO9prH_-uNQzzKbqeB0Hw');
INSERT INTO event VALUES(42,1795747581,'server','key.created','key/1ZZPR49ny-wpT0UXBK_tITFiSgNJwlRUTYw5PpBBIrg','{"algorithm":"RS256","signs_from":"2026-11-27T02:46:22Z"}','9UAMQFLzGPM309q1qNyaJQnO9prH_-uNQzzKbqeB0Hw','WVcGHh4LKH8bvQHpnzW7IHliZnqXAyvcycaJ8NrVUG0');
INSERT INTO event VALUES(43,1795747582,'client:near','token.revoked','token/1VZvekrcy9wmvquonXa4-g','{"expires_at":"2026-11-27T03:16:22Z"}','WVcGHh4LKH8bvQHpnzW7IHliZnqXAyvcycaJ8NrVUG0','sdlk3QnhwFolEGNnE_Y9BsFx1MV86y2bOn04ELcxFqA');
INSERT INTO event VALUES(44,1795747582,'cli:unknown','token.revoked','token/ImUO3TzlBHfCXuDMBuXqRQ','{"expires_at":"2026-11-27T03:16:22Z"}','sdlk3QnhwFolEGNnE_Y9BsFx1MV86y2bOn04ELcxFqA','Cy6geAxwlgRSFWvNKfJx7CPuYA748U830aOmyYHVvqI');
INSERT INTO event VALUES(45,1795747582,'cli:unknown','client.tokens_revoked','client/revoked','{"revoked_until":"2026-11-27T02:46:22Z"}','Cy6geAxwlgRSFWvNKfJx7CPuYA748U830aOmyYHVvqI','3sSOEgvhsErDGDrhO-QYBAPgN4EsAfIw50XzJw4EYEA');
INSERT INTO event VALUES(46,1795747583,'cli:unknown','secret.rotated','client/billing','{"ended":["sec_0GfliclzKaWSz4RSMaSD"],"ended_at":"2026-11-28T02:46:23Z","secret_id":"sec_Sij6uEG131Mt4hdBhqhg"}','3sSOEgvhsErDGDrhO-QYBAPgN4EsAfIw50XzJw4EYEA','BUITZz1mDduW8Vf5BMN9QQGmBdCJGy95Uu0UQg0yY-s');
INSERT INTO event VALUES(47,1795747583,'cli:unknown','client.disabled','client/disabled','{"reason":"moved; see SEC-12"}','BUITZz1mDduW8Vf5BMN9QQGmBdCJGy95Uu0UQg0yY-s','IplwrpHfF7PaAMBkWtCam84c6t2y0b0mM9Cv2x_woP8');
INSERT INTO event VALUES(48,1795747583,'cli:unknown','client.deleted','client/deleted','{"name":"The deleted client"}','IplwrpHfF7PaAMBkWtCam84c6t2y0b0mM9Cv2x_woP8','ZUAQKCKEPggNbjFckSW8XeJfrFWEFowZaXPygj-Gx-k');
INSERT INTO event VALUES(49,1795747583,'cli:unknown','resource.updated','resource/https://reports.example.com','{"removed":[],"scopes":["reports:read"],"signing_algorithm":"EdDSA","token_lifetime":null}','ZUAQKCKEPggNbjFckSW8XeJfrFWEFowZaXPygj-Gx-k','ktaWGC72I6YXc_2emsE5FdCdcU5ji4jaJ8pF0QjC3Uo');
INSERT INTO event VALUES(50,1795747583,'server','key.created','key/CRqiVr1NQQyYaMBrHpSlPyyqU3XqFsuHPmUKNG7m7ss','{"algorithm":"EdDSA","signs_from":"2026-11-27T02:46:24Z"}','ktaWGC72I6YXc_2emsE5FdCdcU5ji4jaJ8pF0QjC3Uo','L-5jtA_2H6I4HYbItw2u-CrluMljUCKISD-x9_ZZ2NE');
INSERT INTO event VALUES(51,1795747585,'server','key.retired','key/1ZZPR49ny-wpT0UXBK_tITFiSgNJwlRUTYw5PpBBIrg','{"retired_at":"2026-11-27T02:46:25Z"}','L-5jtA_2H6I4HYbItw2u-CrluMljUCKISD-x9_ZZ2NE','jCGn65PDrtdtwBGwVfeMKWjZuqaKOltIJwAi-ibek9U');
INSERT INTO event VALUES(52,1795747588,'server','key.created','key/klOaq4lX3Pwa0L1dTR4hs5NAs5515GrD8jz6XvAn1ZM','{"algorithm":"PS256","signs_from":"2026-11-28T02:46:28Z"}','jCGn65PDrtdtwBGwVfeMKWjZuqaKOltIJwAi-ibek9U','lhw_PdPq2mGo69WRxu791szQifhGi203p5sbPBD7I3Y');
CREATE TABLE event_head (
    id        BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence  BIGINT NOT NULL,
    hash      TEXT   NOT NULL
);
INSERT INTO event_head VALUES(1,52,'lhw_PdPq2mGo69WRxu791szQifhGi203p5sbPBD7I3Y');
CREATE TABLE secret_use (
    secret_id      TEXT   NOT NULL PRIMARY KEY REFERENCES client_secret (secret_id) ON DELETE CASCADE,
    first_used_at  BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    uses           BIGINT NOT NULL,
    last_address   TEXT   NOT NULL
);
INSERT INTO secret_use VALUES('sec_0GfliclzKaWSz4RSMaSD',1795747581,1795747581,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_4QgVZGdkttr9yzVhQxe5',1795747582,1795747582,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_5YyDHb8Vd6L77pgqXP2z',1795747582,1795747582,4,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_6t3eEtQMtjiCUIJ8btdP',1795747582,1795747582,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_EFKfbKFInaV4HFhmjQRz',1795747582,1795747582,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_dCFsIM7lcDuWA1ScJgfT',1795747581,1795747581,2,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_q7GIPfb60t4RmiwniD3z',1795747581,1795747581,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_sJ41oqrRNh014Wj1T3Bo',1795747582,1795747582,1,'127.0.0.1');
INSERT INTO secret_use VALUES('sec_xag6L76nKBEptNB8O509',1795747581,1795747581,1,'127.0.0.1');
CREATE TABLE client_trust (
    trust_id    TEXT   NOT NULL PRIMARY KEY,
    client_id   TEXT   NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    issuer      TEXT   NOT NULL,
    key_set     TEXT,
    jwks_uri    TEXT,
    audience    TEXT   NOT NULL,
    conditions  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
INSERT INTO client_trust VALUES('tru_HK6IkhilQkH17Igzi2ZD','federated','https://ci.example','{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"5ARhM-DO8NaMeuXU-me5ckIGxTHAC-nhFEgvZWsRU5s","kty":"OKP","use":"sig","x":"j5BQF-4NmnPDqJ3TQoKfVk3R0YUn0OIF2-4fb6JM3_s"}]}',NULL,'https://id.example.com','{"ref":"refs/heads/main","sub":"repo:acme/api:*"}',1795747580);
INSERT INTO client_trust VALUES('tru_cGzgAE7VczLheIJibYE4','federated','https://spire.example',NULL,'https://spire.example/keys','https://id.example.com','{"sub":"spiffe://example/worker"}',1795747580);
INSERT INTO client_trust VALUES('tru_QCa9s3gyQ0ravok2tAVZ','federated','https://k8s.example',NULL,NULL,'https://id.example.com','{"/kubernetes.io/namespace":"billing","sub":"system:serviceaccount:a:b"}',1795747581);
CREATE TABLE revoked_token (
    jti         TEXT   NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);
INSERT INTO revoked_token VALUES('1VZvekrcy9wmvquonXa4-g',1795749382);
INSERT INTO revoked_token VALUES('ImUO3TzlBHfCXuDMBuXqRQ',1795749382);
CREATE TABLE revoked_client (
    client_id      TEXT   NOT NULL PRIMARY KEY,
    revoked_until  BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
INSERT INTO revoked_client VALUES('basic-only',1795747572,1795833973);
INSERT INTO revoked_client VALUES('revoked',1795747582,1795833983);
INSERT INTO revoked_client VALUES('disabled',1795747583,1795833984);
INSERT INTO revoked_client VALUES('deleted',1795747583,1795833984);
CREATE TABLE used_assertion (
    assertion   TEXT   NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);
INSERT INTO used_assertion VALUES('DSRWRqpb_DV-uiM8v4BiUhEL8pH_arxLRRQELbQrfto',1795747911);
CREATE TABLE longest_lifetime (
    one      BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seconds  BIGINT NOT NULL
);
INSERT INTO longest_lifetime VALUES(1,86400);
CREATE TABLE client_use (
    client_id      TEXT   NOT NULL PRIMARY KEY REFERENCES client (client_id) ON DELETE CASCADE,
    first_used_at  BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    uses           BIGINT NOT NULL,
    last_address   TEXT   NOT NULL
);
INSERT INTO client_use VALUES('federated',1795747582,1795747582,1,'127.0.0.1');
INSERT INTO client_use VALUES('keyed',1795747581,1795747581,1,'127.0.0.1');
CREATE TABLE refusal (
    request_id  TEXT   NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    status      BIGINT NOT NULL,
    error       TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    client_id   TEXT,
    reason      TEXT   NOT NULL,
    remedy      TEXT,
    hint        TEXT
);
INSERT INTO refusal VALUES('req_KfAPnLS0MFyEF6HBc9yT',1795747581,401,'invalid_client','127.0.0.1','shop','shop: the secret is wrong, and it is none that this server makes','Compare with where it came from; an imported secret cannot be shown again.',NULL);
INSERT INTO refusal VALUES('req_vOtjIpYmT0Ic2l41U2gL',1795747581,401,'invalid_client','127.0.0.1','shop','shop: the secret was minted for another client or by another server','Give this client its own secret, or make it one: tokend client add-secret.','19RbFA');
INSERT INTO refusal VALUES('req_fvIzBVeEMgPkDqkpXSmA',1795747582,401,'invalid_client','127.0.0.1','keyed','The client assertion does not count: it has been used before: make one for each request, with its own jti.','Have the client make an assertion for each request. If it does, somebody else has used this one.',NULL);
INSERT INTO refusal VALUES('req_3kncrgtVLDK082zKzE8e',1795747582,400,'unauthorized_client','127.0.0.1','far','Client far may not be used from 127.0.0.1. Ask your operator (client update --network).',NULL,NULL);
CREATE INDEX client_secret_client_id ON client_secret (client_id);
CREATE INDEX client_grant_resource ON client_grant (resource);
CREATE INDEX client_trust_client_id ON client_trust (client_id);
CREATE INDEX revoked_token_expires_at ON revoked_token (expires_at);
CREATE INDEX used_assertion_expires_at ON used_assertion (expires_at);
CREATE INDEX refusal_at ON refusal (at);
COMMIT;
