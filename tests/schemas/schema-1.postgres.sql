SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE public.client (
    client_id text NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
    auth_methods text NOT NULL,
    grant_types text NOT NULL,
    token_lifetime bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT client_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);
CREATE TABLE public.client_grant (
    client_id text NOT NULL,
    resource text NOT NULL,
    scopes text
);
CREATE TABLE public.client_secret (
    secret_id text NOT NULL,
    client_id text NOT NULL,
    kind text NOT NULL,
    hash text NOT NULL,
    hint text NOT NULL,
    label text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    CONSTRAINT client_secret_kind_check CHECK ((kind = ANY (ARRAY['minted'::text, 'imported'::text])))
);
CREATE TABLE public.event (
    sequence bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL
);
CREATE TABLE public.event_head (
    id bigint NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT event_head_id_check CHECK ((id = 1))
);
CREATE TABLE public.resource (
    resource text NOT NULL,
    token_lifetime bigint,
    signing_algorithm text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.resource_scope (
    resource text NOT NULL,
    scope text NOT NULL,
    description text NOT NULL
);
CREATE TABLE public.sealed_key (
    name text NOT NULL,
    sealed text NOT NULL
);
CREATE TABLE public.signing_key (
    kid text NOT NULL,
    algorithm text NOT NULL,
    sealed text NOT NULL,
    created_at bigint NOT NULL,
    signs_from bigint NOT NULL
);
INSERT INTO public._sqlx_migrations VALUES (1, 'first schema', '2026-11-27 02:42:38.368815+00', true, '\x5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e', 54385390);
INSERT INTO public.client VALUES ('billing', 'The billing client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', 600, 1795747360, 1795747360);
INSERT INTO public.client VALUES ('shop', 'The shop client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747360, 1795747360);
INSERT INTO public.client VALUES ('expired', 'The expired client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747361, 1795747361);
INSERT INTO public.client VALUES ('ended', 'The ended client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747361, 1795747361);
INSERT INTO public.client VALUES ('imported', 'Größe "S", ''quoted''', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747362, 1795747362);
INSERT INTO public.client VALUES ('hashed', 'hashed', 'active', 'client_secret_post', 'client_credentials', 120, 1795747362, 1795747362);
INSERT INTO public.client VALUES ('basic-only', 'Renamed', 'active', 'client_secret_basic', 'client_credentials', NULL, 1795747360, 1795747363);
INSERT INTO public.client VALUES ('disabled', 'The disabled client', 'disabled', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747360, 1795747364);
INSERT INTO public.client_grant VALUES ('billing', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('shop', 'https://orders.example.com', 'orders:read');
INSERT INTO public.client_grant VALUES ('shop', 'https://invoices.example.com', NULL);
INSERT INTO public.client_grant VALUES ('basic-only', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('disabled', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('expired', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('ended', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('imported', 'https://orders.example.com', 'orders:read');
INSERT INTO public.client_grant VALUES ('hashed', 'https://orders.example.com', NULL);
INSERT INTO public.client_secret VALUES ('sec_6EFKXOQ4nys1r1xpAVO4', 'shop', 'minted', '$argon2id$v=19$m=64,t=1,p=1$IQb6CMEsjXKe/NuwfKvcxA$ublnVkr73D6zJgcf5EHtI4FZNkfswy+nZiFB9mFsdMU', '0Teypz', '', 1795747360, NULL);
INSERT INTO public.client_secret VALUES ('sec_ghIDBDsLu1FHteEnQ5Nc', 'basic-only', 'minted', '$argon2id$v=19$m=64,t=1,p=1$EqCYG+grJ1f0/NGKpisJzA$ik2t1ZLTqAvr6GAyD/lO+IfoveDaF+5lPy57vqMOLo4', '1Q8BDR', '', 1795747360, NULL);
INSERT INTO public.client_secret VALUES ('sec_r9i0Wd91PCjrkQmIC6Fd', 'disabled', 'minted', '$argon2id$v=19$m=64,t=1,p=1$9+79Q/COArhg+UZPY6M8jA$s+Reix8aBhb+1K/vonKZmBWFsYDCmS0L+YKQZ9LkNrc', '2zSc2r', '', 1795747360, NULL);
INSERT INTO public.client_secret VALUES ('sec_BDAMD4BYJCDWnxyDnHJ0', 'expired', 'minted', '$argon2id$v=19$m=64,t=1,p=1$tEM7QQ4lj89zxE4qG7zNyQ$zWdk3gIRUlZQFp5Utbk1pykV1z2fUdnREahonDxz+c4', '1MVJi8', '', 1795747361, 1795747362);
INSERT INTO public.client_secret VALUES ('sec_PZ2QfGmzLVUrHl6PVZVf', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$Q6yOmU3MEHLm3khoorDsKQ$+mb0px+57yWEaJf5S37IFnQsEBVb3Yrp8Aw3AdIUl6c', '1ary9S', 'spare', 1795747361, 1803523361);
INSERT INTO public.client_secret VALUES ('sec_5jHJzBKVsVgCQIun1ivo', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$KqGa0cN5BMWiPjIKXBuRFA$psDx98WvzXG9KiqQ+miabweyikwXUIpywq20B5xUOak', '0ORbqY', '', 1795747361, 1795747362);
INSERT INTO public.client_secret VALUES ('sec_QvVZHxaDnam4Bm2B6Q2J', 'imported', 'imported', '$argon2id$v=19$m=64,t=1,p=1$bNA1GL+/+kIPahC03uRqVg$Q5gs47ENTHbcAt46mQUw42pVoMhZAC7vxTk3tHth1kg', '', 'imported', 1795747362, NULL);
INSERT INTO public.client_secret VALUES ('sec_4BlBhswKXE7s7zgaVZWb', 'hashed', 'imported', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', '', 'imported', 1795747362, NULL);
INSERT INTO public.client_secret VALUES ('sec_UKrjjA5qfFiTx2qiJfoy', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$pfUYCCWQudhpgZZNAQ/jdA$kte6z/HNxilBnWfuqjOg9WlVs5MeCBxK9wYbs84Zxh4', '3qo54n', 'first of two', 1795747360, 1795833763);
INSERT INTO public.client_secret VALUES ('sec_zxOqXIYHyGnLrky1H8w9', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$H0KTaMynueepkxggZqlEzw$1NClyCH11LNMVXF8OBcq3lIrrzgC+0ObkSfWu/JO0go', '3CxX11', 'second of two', 1795747363, NULL);
INSERT INTO public.event VALUES (1, 1795747358, 'cli:unknown', 'resource.created', 'resource/https://orders.example.com', '{"scopes":["orders:read","orders:write"],"token_lifetime":1800}', '', '-zgLo16nFYQyh-enskQB16WtipoDZWCW-OeUgGsJGWk');
INSERT INTO public.event VALUES (2, 1795747358, 'cli:unknown', 'resource.created', 'resource/https://invoices.example.com', '{"scopes":["invoices:draft","invoices:read"],"token_lifetime":null}', '-zgLo16nFYQyh-enskQB16WtipoDZWCW-OeUgGsJGWk', 'CE_Gc2sEtngVWGPaf1GmPMRpOzqOnPmf7ORvko6NX5w');
INSERT INTO public.event VALUES (3, 1795747359, 'cli:unknown', 'resource.created', 'resource/https://gone.example.com', '{"scopes":["gone:read"],"token_lifetime":null}', 'CE_Gc2sEtngVWGPaf1GmPMRpOzqOnPmf7ORvko6NX5w', 'GtA6h3gdCWy6u4w3CAa_kLdSRPAZedovCzghp7LkkS0');
INSERT INTO public.event VALUES (4, 1795747359, 'cli:unknown', 'resource.deleted', 'resource/https://gone.example.com', '{"grants_revoked":0}', 'GtA6h3gdCWy6u4w3CAa_kLdSRPAZedovCzghp7LkkS0', 'TYOAxbbdiNbu8kfhxdvh2yYpl6AEGXGcLNbbJ2K015U');
INSERT INTO public.event VALUES (5, 1795747359, 'cli:unknown', 'resource.updated', 'resource/https://invoices.example.com', '{"removed":["invoices:draft"],"scopes":["invoices:read"],"token_lifetime":null}', 'TYOAxbbdiNbu8kfhxdvh2yYpl6AEGXGcLNbbJ2K015U', 'xp_7h1h8Y6EWvSdzAOtbuatJoahgxe_6gNurGoNVcpo');
INSERT INTO public.event VALUES (6, 1795747360, 'cli:unknown', 'client.created', 'client/billing', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_UKrjjA5qfFiTx2qiJfoy"}', 'xp_7h1h8Y6EWvSdzAOtbuatJoahgxe_6gNurGoNVcpo', 'c_xO6V61A5_7ppRgvP1YNrRrr_D8O6KQI0Rc3lggpi4');
INSERT INTO public.event VALUES (7, 1795747360, 'cli:unknown', 'client.created', 'client/shop', '{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_6EFKXOQ4nys1r1xpAVO4"}', 'c_xO6V61A5_7ppRgvP1YNrRrr_D8O6KQI0Rc3lggpi4', 'JvZSFQOYZms8KtxH0Ls5WHcFtOMb_Y8fL1U12BN54mU');
INSERT INTO public.event VALUES (8, 1795747360, 'cli:unknown', 'client.created', 'client/basic-only', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_ghIDBDsLu1FHteEnQ5Nc"}', 'JvZSFQOYZms8KtxH0Ls5WHcFtOMb_Y8fL1U12BN54mU', 'arksI6MNfqr3ZaP81DO4O2wPUKJdOU39faufctkHfn8');
INSERT INTO public.event VALUES (9, 1795747360, 'cli:unknown', 'client.created', 'client/disabled', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_r9i0Wd91PCjrkQmIC6Fd"}', 'arksI6MNfqr3ZaP81DO4O2wPUKJdOU39faufctkHfn8', 'd6KsNZFGv1hVM_W1dps-rIx7PA1TRN4aLwhJcDnkZqA');
INSERT INTO public.event VALUES (10, 1795747361, 'cli:unknown', 'client.created', 'client/deleted', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_HVB0OxiqQMaPHZugD3WJ"}', 'd6KsNZFGv1hVM_W1dps-rIx7PA1TRN4aLwhJcDnkZqA', '8hNyIqgIt244NSfFAlTguFBrzwQI4_xLOX4xsa9qXfw');
INSERT INTO public.event VALUES (11, 1795747361, 'cli:unknown', 'client.created', 'client/expired', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_BDAMD4BYJCDWnxyDnHJ0"}', '8hNyIqgIt244NSfFAlTguFBrzwQI4_xLOX4xsa9qXfw', 'NxtgBO1pRD_pxc-jHk1nRKTlMcxgZLV7JrpYfcA3QvY');
INSERT INTO public.event VALUES (12, 1795747361, 'cli:unknown', 'client.created', 'client/ended', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_5jHJzBKVsVgCQIun1ivo"}', 'NxtgBO1pRD_pxc-jHk1nRKTlMcxgZLV7JrpYfcA3QvY', 'BHwAd_Uv8IQNCfy3DL9SXYUviptFWCx5BrbciaDZWlc');
INSERT INTO public.event VALUES (13, 1795747361, 'cli:unknown', 'secret.added', 'client/ended', '{"label":"spare","secret_id":"sec_PZ2QfGmzLVUrHl6PVZVf"}', 'BHwAd_Uv8IQNCfy3DL9SXYUviptFWCx5BrbciaDZWlc', 'lHihQiH4se7G7n5ReqsPZGqGYWl8a9huwvZrFrD-gMw');
INSERT INTO public.event VALUES (14, 1795747362, 'cli:unknown', 'secret.expired', 'client/ended', '{"ended_at":"2026-11-27T02:42:42Z","secret_id":"sec_5jHJzBKVsVgCQIun1ivo"}', 'lHihQiH4se7G7n5ReqsPZGqGYWl8a9huwvZrFrD-gMw', 'YatxI5bGsIftwV2Z1TiRhlPSiMm-PzTEpmv_ubcfLdk');
INSERT INTO public.event VALUES (15, 1795747362, 'cli:unknown', 'client.imported', 'client/imported', '{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_QvVZHxaDnam4Bm2B6Q2J"}', 'YatxI5bGsIftwV2Z1TiRhlPSiMm-PzTEpmv_ubcfLdk', 'msYXfFH17-BXerfc8EfTr-nyu7g7ZlrMj_Wjb48bBow');
INSERT INTO public.event VALUES (16, 1795747362, 'cli:unknown', 'client.imported', 'client/hashed', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_4BlBhswKXE7s7zgaVZWb"}', 'msYXfFH17-BXerfc8EfTr-nyu7g7ZlrMj_Wjb48bBow', 'AmxFWqLaZy_3Dm7KMtapp5Y6iWZtpsxsHL2gEpwNpgM');
INSERT INTO public.event VALUES (17, 1795747362, 'cli:unknown', 'grant.changed', 'client/basic-only', '{"resource":"https://invoices.example.com","scopes":["invoices:read"]}', 'AmxFWqLaZy_3Dm7KMtapp5Y6iWZtpsxsHL2gEpwNpgM', '--zOI5BIeAOO2hduiKjC-Xu0_ovVlQt-V0mNXIDHctQ');
INSERT INTO public.event VALUES (18, 1795747362, 'cli:unknown', 'grant.revoked', 'client/basic-only', '{"resource":"https://invoices.example.com"}', '--zOI5BIeAOO2hduiKjC-Xu0_ovVlQt-V0mNXIDHctQ', '4I1wQRnQuIZ91dyX-1LIgMeNNemWOv42-MmGyAvFIjA');
INSERT INTO public.event VALUES (19, 1795747362, 'cli:unknown', 'client.updated', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null}', '4I1wQRnQuIZ91dyX-1LIgMeNNemWOv42-MmGyAvFIjA', 'e_EV6ocnYT6fGgV9F23pK_3gpAavhmMOuaBDqirFHak');
INSERT INTO public.event VALUES (20, 1795747363, 'cli:unknown', 'client.disabled', 'client/basic-only', '{"reason":null}', 'e_EV6ocnYT6fGgV9F23pK_3gpAavhmMOuaBDqirFHak', '9vfiVApFdzGGJjDRZxNVLVp9DHr-c_cmOxVDi-_OgJE');
INSERT INTO public.event VALUES (21, 1795747363, 'cli:unknown', 'client.enabled', 'client/basic-only', '{"reason":null}', '9vfiVApFdzGGJjDRZxNVLVp9DHr-c_cmOxVDi-_OgJE', 'k5ThDSfAMOFW78jeqmyY_2HkJ05A8ICn6mSOP4lQ3l8');
INSERT INTO public.event VALUES (22, 1795747363, 'server', 'key.created', 'key/7lFidm_YPcIB9OVh0659gwYmxdgO8jHs_pmdPQdyELE', '{"algorithm":"ES256","signs_from":"2026-11-27T02:42:43Z"}', 'k5ThDSfAMOFW78jeqmyY_2HkJ05A8ICn6mSOP4lQ3l8', 'Uuh1MimP7RHrfAZUArmdsgYOGvyUeUQSIh8Ev67xAd0');
INSERT INTO public.event VALUES (23, 1795747363, 'cli:unknown', 'secret.rotated', 'client/billing', '{"ended":["sec_UKrjjA5qfFiTx2qiJfoy"],"ended_at":"2026-11-28T02:42:43Z","secret_id":"sec_zxOqXIYHyGnLrky1H8w9"}', 'Uuh1MimP7RHrfAZUArmdsgYOGvyUeUQSIh8Ev67xAd0', 'lED_849oqrF2w2IJ7MV10W2YkGTqoNlRFUImoQHU5o8');
INSERT INTO public.event VALUES (24, 1795747364, 'cli:unknown', 'client.disabled', 'client/disabled', '{"reason":"moved; see SEC-12"}', 'lED_849oqrF2w2IJ7MV10W2YkGTqoNlRFUImoQHU5o8', 'A1gPYTkS1cg70kXaxeAeRYD-A4aWRdZcJUDLXibggbI');
INSERT INTO public.event VALUES (25, 1795747364, 'cli:unknown', 'client.deleted', 'client/deleted', '{"name":"The deleted client"}', 'A1gPYTkS1cg70kXaxeAeRYD-A4aWRdZcJUDLXibggbI', 'uJOiILl1mjiED1H548LU4-MAYar7aghtaOJODJa2PiM');
INSERT INTO public.event VALUES (26, 1795747369, 'server', 'key.created', 'key/WIoUaFLBEmM0AyeW5OdixwSYy94xhH1QnyKpy512QGg', '{"algorithm":"PS256","signs_from":"2026-11-28T02:42:49Z"}', 'uJOiILl1mjiED1H548LU4-MAYar7aghtaOJODJa2PiM', 'BDPspAJf2NVwdMJcJxUdNeU--a0F_c_kk7HpsdmpJnQ');
INSERT INTO public.event_head VALUES (1, 26, 'BDPspAJf2NVwdMJcJxUdNeU--a0F_c_kk7HpsdmpJnQ');
INSERT INTO public.resource VALUES ('https://orders.example.com', 1800, NULL, 1795747358, 1795747358);
INSERT INTO public.resource VALUES ('https://invoices.example.com', NULL, NULL, 1795747358, 1795747359);
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:read', 'Read orders, old and new');
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:write', '');
INSERT INTO public.resource_scope VALUES ('https://invoices.example.com', 'invoices:read', '');
INSERT INTO public.sealed_key VALUES ('secret_tag_key', 'IWaOgLaSKYf4QKk2cgMf3lKqSWgZw1N6oOkpJ3RbMeKbYINko_ymbZ1LyTzKCrE6Wy8G8Jsqa8J1OSxS');
INSERT INTO public.signing_key VALUES ('7lFidm_YPcIB9OVh0659gwYmxdgO8jHs_pmdPQdyELE', 'ES256', '2WYlwj2EYC8qvLwnRG6J6sYwAiwqcg0mWerGb8cHKF8uRbkoRWWIhRvOjlIF_QZWZnRnWwcOo-wjyOvpaJltOOiNtcw2JM49hFe1_nPrk4FeOgzQKCxvIRPbXGm5MHLTFfGRQfE8tmPGWKb9Whfeui9pRNMjGsJydPKJpfC-RFDwVcmJvbBMDgFJlC0wW3PuFgplJNk4TDiOBRcx2JV_0M_tp0W9-g', 1795747363, 1795747363);
INSERT INTO public.signing_key VALUES ('WIoUaFLBEmM0AyeW5OdixwSYy94xhH1QnyKpy512QGg', 'PS256', 'iPWFKNpFi9fbj13Zjjl48FGdEFumQ50XbaKP_KTWb13Y22txF712FvwhCDboniF3tcEQzy3FxWNmbJzWpGpX9iauVqHN-UZALvDQ6GzoZh7-Dn6Rq3Wh7YC109xtcjSLBGTbZLItxPPEChGpd-OLs8_eLtEXjs2nYj3rIWvi3Eb5tw7SBLglcIpWM6-QciBgVoiKHroILToL-VxX_FdqCaOCqCyK2Tjp26VVNmujFg_5Cdubc7QkiT3dXHrJ1Iz6aC6cbn9XsJ0nEz183j5pqmLlQAL11gbW0eYF1RJ6Cb33bA3i5Acls20QXb6au7weVEBZ3CtlgKmdSTDlQdUGYY80Jef3Gt5OtwUeopxACj6Uu4OkftNO3XYLtPo2dv3jWhbzqAslMXIU-4AceC_dU5sM3rc3QiI8I5pJXKn7OvwiaEJtKDZBDdKHAoV4QysphD3BiA-4GQ1U_xZUV3zdpdl0e-ej2PA80oCpkFp2-YnIa6YBk84uJ_oOCCwKB92l7DfSFxwQHKdoz2pYSqttZH7PoQZnJhqWVQds7EHcg5hPUTe2YIi9BdVcOzE-31f0lLUjiv_nmk1nNuxhyD7tHZ5FbYYEab7X9bdtunrpXgRuw7zoPTIc49q9F6IXyGC9iEyGwB-e8MQZydMD_v2we5WZmUIYCclZmv6BDH7qKaO9ZSpIJRAioFTXhzXOE0pm7uvxYmtc2Q4q3e2Q1oKDG7uxOO8FefR8nO_kLaZ3k1alWe46ZB_EW82PPVq7b3AJ37NszcoMpUWcrJjNV9bNizVZ4nMhUHoBjOLj9DNEShwN-b7wJbwj6FEViPMJo96IiccycBA-ltVov6UeTS97ziGewaIX-g1Mskt96IlTj8tRXNVhOVN7TO_XnOWm2Nsdlx7XbSk07kIv6LYFf95hymPrahYSh0L-301QdgD6CvS-xTPCiDXEzWAcbM05z8PflMWAULxIHMtyn9pnQTKg4zpUIce0EgA7E2Q3gaLdk5dLxsJ7BBda3KLCRLYP0ln4D2uz7oeFEUOrA4cAbbY6b5Z3gXcjnhu_AJ0ayUOMbsALwdpRP5g4B4lYQiY6cadaj5xO7PbM7pEZsOUL9FF_2D9b00QOmumJG3xcv2vx5dkoDfXblcay1ZNyuGw27ie7UvBthwC0J4YAJ-T6isgwUqteJSQ_7FSkR9qtcQmJIpKcRDtqk7NDJ4b9R3q7G2Oj3a708lMwg_6Iq2PzTPoK7SU6Pimqk1uYHOJQjGF57U9Qkc-ECeWNhibVU8LgvycRSEFlsxnddZkihKfeapUtKr0zc3q0yFMLG8hpc8LoZfRRDt4ZMpXqf0gNnOvktNpL0YBlg7QKsg-sOWFbAjwgIQ1XJG4DRkb7wHz7C7IuYJP4HMph1b6YUDIorNpdyGMReG7-EeWGrdBURE5LgPfIE-iZ7M0nCUTVJGg_uiX3H447Z4yyg7--u1z24JVEl_F7LA1H0CKQCYFQd8TNXB7tSHayT1ri3Ma9ERh2Fwn9XSBHvGlBqkJO966KPQy0GujM5mH9_MBvGDadexdjLVOqlCSdBVqrZFaTvg2TlTBKhflgscQdI1Oj-7N5ebUXrciN1rTv8uO84PBFVlB4-R02_8sF6kpFk93XNjwVPJgPeapO_1hVSw0fp1BKSRM-ZQ0', 1795747369, 1795833769);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_pkey PRIMARY KEY (client_id, resource);
ALTER TABLE ONLY public.client
    ADD CONSTRAINT client_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.client_secret
    ADD CONSTRAINT client_secret_pkey PRIMARY KEY (secret_id);
ALTER TABLE ONLY public.event_head
    ADD CONSTRAINT event_head_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (resource);
ALTER TABLE ONLY public.resource_scope
    ADD CONSTRAINT resource_scope_pkey PRIMARY KEY (resource, scope);
ALTER TABLE ONLY public.sealed_key
    ADD CONSTRAINT sealed_key_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (kid);
CREATE INDEX client_grant_resource ON public.client_grant USING btree (resource);
CREATE INDEX client_secret_client_id ON public.client_secret USING btree (client_id);
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_resource_fkey FOREIGN KEY (resource) REFERENCES public.resource(resource) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_secret
    ADD CONSTRAINT client_secret_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.resource_scope
    ADD CONSTRAINT resource_scope_resource_fkey FOREIGN KEY (resource) REFERENCES public.resource(resource) ON DELETE CASCADE;
