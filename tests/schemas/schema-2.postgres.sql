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
    token_rate text,
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
CREATE TABLE public.secret_use (
    secret_id text NOT NULL,
    first_used_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    uses bigint NOT NULL,
    last_address text NOT NULL
);
CREATE TABLE public.signing_key (
    kid text NOT NULL,
    algorithm text NOT NULL,
    sealed text NOT NULL,
    created_at bigint NOT NULL,
    signs_from bigint NOT NULL
);
INSERT INTO public._sqlx_migrations VALUES (1, 'first schema', '2026-11-27 02:44:03.484864+00', true, '\x5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e', 19911146);
INSERT INTO public._sqlx_migrations VALUES (2, 'use and rate', '2026-11-27 02:44:03.505352+00', true, '\xd4bcbcda47a46a903312f6e0d9fe342f1079574291cec76ca2f59bd6e0bea19efb27d565b7955178f9fc53b81449102e', 7310782);
INSERT INTO public.client VALUES ('billing', 'The billing client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', 600, 1795747444, 1795747444, NULL);
INSERT INTO public.client VALUES ('expired', 'The expired client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747446, 1795747446, NULL);
INSERT INTO public.client VALUES ('ended', 'The ended client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747446, 1795747446, NULL);
INSERT INTO public.client VALUES ('imported', 'Größe "S", ''quoted''', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747447, 1795747447, NULL);
INSERT INTO public.client VALUES ('hashed', 'hashed', 'active', 'client_secret_post', 'client_credentials', 120, 1795747447, 1795747447, NULL);
INSERT INTO public.client VALUES ('shop', 'The shop client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747445, 1795747448, '60/m');
INSERT INTO public.client VALUES ('basic-only', 'Renamed', 'active', 'client_secret_basic', 'client_credentials', NULL, 1795747445, 1795747448, 'off');
INSERT INTO public.client VALUES ('disabled', 'The disabled client', 'disabled', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747445, 1795747449, NULL);
INSERT INTO public.client_grant VALUES ('billing', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('shop', 'https://orders.example.com', 'orders:read');
INSERT INTO public.client_grant VALUES ('shop', 'https://invoices.example.com', NULL);
INSERT INTO public.client_grant VALUES ('basic-only', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('disabled', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('expired', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('ended', 'https://orders.example.com', NULL);
INSERT INTO public.client_grant VALUES ('imported', 'https://orders.example.com', 'orders:read');
INSERT INTO public.client_grant VALUES ('hashed', 'https://orders.example.com', NULL);
INSERT INTO public.client_secret VALUES ('sec_0voDGxBmxb4c0lwEvPR3', 'shop', 'minted', '$argon2id$v=19$m=64,t=1,p=1$jPbfi+RZTb9lRZcuhChXMg$j6AwVzWttFT8gFIcf88s3U7r/V6JXpKl8ayr35/+79c', '2jS6Yy', '', 1795747445, NULL);
INSERT INTO public.client_secret VALUES ('sec_ffrzfEma0CBnG8952Gj3', 'basic-only', 'minted', '$argon2id$v=19$m=64,t=1,p=1$hXaRfy+QaK3YjrlU3dOYDQ$0+VOrS0rT8V0zgH7sBGIPaLTaqcuOxFetrLVrJUw/6E', '3bwTpJ', '', 1795747445, NULL);
INSERT INTO public.client_secret VALUES ('sec_hrEpIfIZrQ7gOKStHkPo', 'disabled', 'minted', '$argon2id$v=19$m=64,t=1,p=1$WJD7wOGsyBIOBC81Qn36kQ$/O/gIUJ9VlVuHDUbfNi1RSw/5ZHG7NQQJNTYPgcAkr4', '3xgxlw', '', 1795747445, NULL);
INSERT INTO public.client_secret VALUES ('sec_6CGbgJa117xvVjY8awPl', 'expired', 'minted', '$argon2id$v=19$m=64,t=1,p=1$77+/WD2VqSKQ8/oYqUfeJw$eNxU0SuZWi5arZSe3mcvdn0CmPoBWjzQwUapmKhwfbE', '0Ukyxl', '', 1795747446, 1795747447);
INSERT INTO public.client_secret VALUES ('sec_bZXaesNatGbp176rYjOH', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$dHfPN+0JFPF+ssMlxka+JQ$/9gayrthmXSWSzjqjHqugq5DjCoMIYVD3GI38KK59us', '3yxJdH', 'spare', 1795747446, 1803523446);
INSERT INTO public.client_secret VALUES ('sec_0MwAWavrgORNqP3M7SeL', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$S1m9RAAqHRAj7xrnC/UMBA$yOnmfgbIDkfaeAsPWe3EfzRBvD79XgUyeTVYdNVh0Hs', '05gpQR', '', 1795747446, 1795747446);
INSERT INTO public.client_secret VALUES ('sec_92QPSGBNRh3e8ZSw5pW5', 'imported', 'imported', '$argon2id$v=19$m=64,t=1,p=1$6JKNq07sXsSYg0P3zB2orA$Ox7kBEwlZ+/4B0ssGDfCwJ+Z0NlRo6WOcAVhwbFpcfo', '', 'imported', 1795747447, NULL);
INSERT INTO public.client_secret VALUES ('sec_3Yvbkqql7wG7siWw7L9E', 'hashed', 'imported', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', '', 'imported', 1795747447, NULL);
INSERT INTO public.client_secret VALUES ('sec_Z49L4D0JmGtq291554Fo', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$xnlB9QiLjIxP8He5uPRuxA$aI1Uo0Am6gqVHsonSLYWncvFEF8Lzn2LUHOcWb5txGg', '4QNnp9', 'first of two', 1795747444, 1795833849);
INSERT INTO public.client_secret VALUES ('sec_yiH8vVJtxtpzKhM3ok9v', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$YuTNHAxLrOp2h2ZBX0WTzA$uDJ4IgMerN/b/BnE/NhHzQOZBGyGFPQZH5f9UiXDzp4', '0CWHrb', 'second of two', 1795747449, NULL);
INSERT INTO public.event VALUES (1, 1795747443, 'cli:unknown', 'resource.created', 'resource/https://orders.example.com', '{"scopes":["orders:read","orders:write"],"token_lifetime":1800}', '', 'eFNBr6QiP585Pqlj77C8FzrZys7Yp1pglq69qnN5Vvw');
INSERT INTO public.event VALUES (2, 1795747443, 'cli:unknown', 'resource.created', 'resource/https://invoices.example.com', '{"scopes":["invoices:draft","invoices:read"],"token_lifetime":null}', 'eFNBr6QiP585Pqlj77C8FzrZys7Yp1pglq69qnN5Vvw', 'SSVFZPAf21fKAGHh6jipcqHM_kA76eObX4a7ecEeVEU');
INSERT INTO public.event VALUES (3, 1795747444, 'cli:unknown', 'resource.created', 'resource/https://gone.example.com', '{"scopes":["gone:read"],"token_lifetime":null}', 'SSVFZPAf21fKAGHh6jipcqHM_kA76eObX4a7ecEeVEU', 'd1u0dBjHJrWuPjKmnnKGbF-MK0HPT5GLy8DajR6NcOw');
INSERT INTO public.event VALUES (4, 1795747444, 'cli:unknown', 'resource.deleted', 'resource/https://gone.example.com', '{"grants_revoked":0}', 'd1u0dBjHJrWuPjKmnnKGbF-MK0HPT5GLy8DajR6NcOw', 'oBLXOwyy2NbSCPexwFm_XSYNI1wzm-kOS-DsTlwbWZk');
INSERT INTO public.event VALUES (5, 1795747444, 'cli:unknown', 'resource.updated', 'resource/https://invoices.example.com', '{"removed":["invoices:draft"],"scopes":["invoices:read"],"token_lifetime":null}', 'oBLXOwyy2NbSCPexwFm_XSYNI1wzm-kOS-DsTlwbWZk', 'B33UMJAZSA-8iF3RVdOzCivPiYqsXv_H_xVH6N7_fKE');
INSERT INTO public.event VALUES (6, 1795747444, 'cli:unknown', 'client.created', 'client/billing', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_Z49L4D0JmGtq291554Fo"}', 'B33UMJAZSA-8iF3RVdOzCivPiYqsXv_H_xVH6N7_fKE', 'vmS-wB5N_vwuqk5wejeWSXplG8ZS_VcqFtuVHl-3m4A');
INSERT INTO public.event VALUES (7, 1795747445, 'cli:unknown', 'client.created', 'client/shop', '{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_0voDGxBmxb4c0lwEvPR3"}', 'vmS-wB5N_vwuqk5wejeWSXplG8ZS_VcqFtuVHl-3m4A', 'yiVICIQpoD4Lv67D0W6yMUu_gXX9sGM5r1mTO1LFknY');
INSERT INTO public.event VALUES (8, 1795747445, 'cli:unknown', 'client.created', 'client/basic-only', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_ffrzfEma0CBnG8952Gj3"}', 'yiVICIQpoD4Lv67D0W6yMUu_gXX9sGM5r1mTO1LFknY', 'GkncPC3KvQt7v9Ns8cBC9XK8E3epRk-T1I4X-xpyUcs');
INSERT INTO public.event VALUES (9, 1795747445, 'cli:unknown', 'client.created', 'client/disabled', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_hrEpIfIZrQ7gOKStHkPo"}', 'GkncPC3KvQt7v9Ns8cBC9XK8E3epRk-T1I4X-xpyUcs', '7ndo_lu9m7AYI5hCy2DsFAbFNKT8XdEVj0Cxfe4Xu9M');
INSERT INTO public.event VALUES (10, 1795747445, 'cli:unknown', 'client.created', 'client/deleted', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_oRFJRQZhbTxfyuD7bRRS"}', '7ndo_lu9m7AYI5hCy2DsFAbFNKT8XdEVj0Cxfe4Xu9M', 'SiLfkkvfyM155xK5q7hM0o-cmDzT9ftwK94znKdoo40');
INSERT INTO public.event VALUES (11, 1795747446, 'cli:unknown', 'client.created', 'client/expired', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_6CGbgJa117xvVjY8awPl"}', 'SiLfkkvfyM155xK5q7hM0o-cmDzT9ftwK94znKdoo40', 'yGZ0EPMeV2btLDrRBe2fWUf66OgnU7Z-bd1-GH5Yb-g');
INSERT INTO public.event VALUES (12, 1795747446, 'cli:unknown', 'client.created', 'client/ended', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_0MwAWavrgORNqP3M7SeL"}', 'yGZ0EPMeV2btLDrRBe2fWUf66OgnU7Z-bd1-GH5Yb-g', '9FX_p-nN8aUv_sEr9OsRHL-Ipg8EIyo85MMmwoiIxBE');
INSERT INTO public.event VALUES (13, 1795747446, 'cli:unknown', 'secret.added', 'client/ended', '{"label":"spare","secret_id":"sec_bZXaesNatGbp176rYjOH"}', '9FX_p-nN8aUv_sEr9OsRHL-Ipg8EIyo85MMmwoiIxBE', '4lF20Gzpa8IgZ7cnUut9uUHDgrDZAVmlAVGa7iI352Q');
INSERT INTO public.event VALUES (14, 1795747446, 'cli:unknown', 'secret.expired', 'client/ended', '{"ended_at":"2026-11-27T02:44:06Z","secret_id":"sec_0MwAWavrgORNqP3M7SeL"}', '4lF20Gzpa8IgZ7cnUut9uUHDgrDZAVmlAVGa7iI352Q', 'VSRuS9-liYsnhJvcSu1_yh0TkAhTKVUuLDab8UxIhaY');
INSERT INTO public.event VALUES (15, 1795747447, 'cli:unknown', 'client.imported', 'client/imported', '{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_92QPSGBNRh3e8ZSw5pW5"}', 'VSRuS9-liYsnhJvcSu1_yh0TkAhTKVUuLDab8UxIhaY', 'gr573YblDH0qiafPhqWN_uBxXl7Ma2jCcH4zHozFs5M');
INSERT INTO public.event VALUES (16, 1795747447, 'cli:unknown', 'client.imported', 'client/hashed', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_3Yvbkqql7wG7siWw7L9E"}', 'gr573YblDH0qiafPhqWN_uBxXl7Ma2jCcH4zHozFs5M', '-j5w1Wij3rJTtmadaYUMuL5bQkJWThWbmonAhE-ZcsY');
INSERT INTO public.event VALUES (17, 1795747447, 'cli:unknown', 'grant.changed', 'client/basic-only', '{"resource":"https://invoices.example.com","scopes":["invoices:read"]}', '-j5w1Wij3rJTtmadaYUMuL5bQkJWThWbmonAhE-ZcsY', 'Z9hUdJsoubgKSl5k5wLgelVJ1rLiWSpHx997FPEEFDg');
INSERT INTO public.event VALUES (18, 1795747447, 'cli:unknown', 'grant.revoked', 'client/basic-only', '{"resource":"https://invoices.example.com"}', 'Z9hUdJsoubgKSl5k5wLgelVJ1rLiWSpHx997FPEEFDg', 'zmoyr1F2ebm4sXB2UMe0MklPd7BsPQwokL6LXHGla6E');
INSERT INTO public.event VALUES (19, 1795747447, 'cli:unknown', 'client.updated', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null,"token_rate":null}', 'zmoyr1F2ebm4sXB2UMe0MklPd7BsPQwokL6LXHGla6E', 'Mno4zlY2HfLlvWXqub8hr-V-74ksw985NGp3o2i2Kp4');
INSERT INTO public.event VALUES (20, 1795747448, 'cli:unknown', 'client.disabled', 'client/basic-only', '{"reason":null}', 'Mno4zlY2HfLlvWXqub8hr-V-74ksw985NGp3o2i2Kp4', 't1RMxtGFwx-Xt3rUY2G9FA8boRtNSyx5e46IrDEalKU');
INSERT INTO public.event VALUES (21, 1795747448, 'cli:unknown', 'client.enabled', 'client/basic-only', '{"reason":null}', 't1RMxtGFwx-Xt3rUY2G9FA8boRtNSyx5e46IrDEalKU', 'JR4cIvdh4ap2_WsHBMa050EsKeRrUtBflEKeKarbfTQ');
INSERT INTO public.event VALUES (22, 1795747448, 'cli:unknown', 'client.updated', 'client/shop', '{"auth_methods":["client_secret_basic","client_secret_post"],"grant_types":["client_credentials"],"name":"The shop client","token_lifetime":null,"token_rate":"60/m"}', 'JR4cIvdh4ap2_WsHBMa050EsKeRrUtBflEKeKarbfTQ', 'qJb43BzCVoMNLqtHMSUApEhG3EBzdem7U3rybkkkWLU');
INSERT INTO public.event VALUES (23, 1795747448, 'cli:unknown', 'client.updated', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","token_lifetime":null,"token_rate":"off"}', 'qJb43BzCVoMNLqtHMSUApEhG3EBzdem7U3rybkkkWLU', 'LupiwultEG1XTWpGbuApkGKoVeRqOSUOg0cO8BAyoRg');
INSERT INTO public.event VALUES (24, 1795747449, 'server', 'key.created', 'key/M0TQzKzT_7CyiUiNbfHVfARPEWOuCiILx82hX2g4A70', '{"algorithm":"ES256","signs_from":"2026-11-27T02:44:09Z"}', 'LupiwultEG1XTWpGbuApkGKoVeRqOSUOg0cO8BAyoRg', 'FcYaYUE2Ue__MTfl4JXfQhXxhtwu-V1Nf1aztOHVs-M');
INSERT INTO public.event VALUES (25, 1795747449, 'cli:unknown', 'secret.rotated', 'client/billing', '{"ended":["sec_Z49L4D0JmGtq291554Fo"],"ended_at":"2026-11-28T02:44:09Z","secret_id":"sec_yiH8vVJtxtpzKhM3ok9v"}', 'FcYaYUE2Ue__MTfl4JXfQhXxhtwu-V1Nf1aztOHVs-M', 'h0miFP2Zing1qiEOt9xVUESjp-fjlK_mc9wG4ca7YCs');
INSERT INTO public.event VALUES (26, 1795747449, 'cli:unknown', 'client.disabled', 'client/disabled', '{"reason":"moved; see SEC-12"}', 'h0miFP2Zing1qiEOt9xVUESjp-fjlK_mc9wG4ca7YCs', 'uD6xbMoC9_Qm-i05I4dpTKr4V_xJOXPGwgqzDtQI2WI');
INSERT INTO public.event VALUES (27, 1795747449, 'cli:unknown', 'client.deleted', 'client/deleted', '{"name":"The deleted client"}', 'uD6xbMoC9_Qm-i05I4dpTKr4V_xJOXPGwgqzDtQI2WI', '3Y3f5pQ6uup4EpxBMmzRDqUZKpS6QCgGSTOjAb9Mp_Y');
INSERT INTO public.event VALUES (28, 1795747454, 'server', 'key.created', 'key/yu4RTQdX5V_wWF2oEvzP2cSE2hXfF-ITgbH7-Lj7T70', '{"algorithm":"PS256","signs_from":"2026-11-28T02:44:14Z"}', '3Y3f5pQ6uup4EpxBMmzRDqUZKpS6QCgGSTOjAb9Mp_Y', 'YQ0fVDqYNQ6S43e5ykH6QI3j8vD8ySpXAn5qPa9lxHM');
INSERT INTO public.event_head VALUES (1, 28, 'YQ0fVDqYNQ6S43e5ykH6QI3j8vD8ySpXAn5qPa9lxHM');
INSERT INTO public.resource VALUES ('https://orders.example.com', 1800, NULL, 1795747443, 1795747443);
INSERT INTO public.resource VALUES ('https://invoices.example.com', NULL, NULL, 1795747443, 1795747444);
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:read', 'Read orders, old and new');
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:write', '');
INSERT INTO public.resource_scope VALUES ('https://invoices.example.com', 'invoices:read', '');
INSERT INTO public.sealed_key VALUES ('secret_tag_key', 'mjEvsxm7V3zkzUaeUxDQEJ1XKpRb-z0UzRe0Vr6vtDHec-HFvVN-1uIxl1YbCHWkwsXlVz2DOewSGAOK');
INSERT INTO public.secret_use VALUES ('sec_0voDGxBmxb4c0lwEvPR3', 1795747449, 1795747449, 2, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_hrEpIfIZrQ7gOKStHkPo', 1795747449, 1795747449, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_92QPSGBNRh3e8ZSw5pW5', 1795747449, 1795747449, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_Z49L4D0JmGtq291554Fo', 1795747449, 1795747449, 1, '127.0.0.1');
INSERT INTO public.signing_key VALUES ('M0TQzKzT_7CyiUiNbfHVfARPEWOuCiILx82hX2g4A70', 'ES256', 'phV-RIQN7irlHuXsIdemdFZRLzqD9KXCzbN-48UTKFzJc_vMNse5l6ZKVrUWkEfRB571BfM9PCJMg0YYkuflCkTbZCw3CMPnkEGRYaoRZWGrkwuJeDPKwB5-6Cqem9p-Vj4WHsBC3SUTGcBoNmB5YLRBMpyuD20DKHAMRYODXjFp0s0xX4-GIpV37-RDN36ZVdgqsnvAxtFlyf_9EEnu_kGZ7ae8Lw', 1795747449, 1795747449);
INSERT INTO public.signing_key VALUES ('yu4RTQdX5V_wWF2oEvzP2cSE2hXfF-ITgbH7-Lj7T70', 'PS256', '9pil_sUeWOTnjIWGbvRYih1fUesaPOhUgZeoH14n_fq3E2RR26wwuWV4UUo97pLBgHtDiObDt2f6GPPC3mHYUxTVupo8-beue_3letyEHmXFD2ALgUMCNXUc1_9YQTwiI5ZNrEWdpKdNITon4SGXNkJtfIUogjJ6ZWZL-IiDkPVkmScL6tNHetYPp0pkbUj2igzK_IcMtmlR7tXyn1Ma1PFvo1xnjfJ0hfI3DNJsQ94HIpiIt8KLbP0reOSeKRwSCWKMbu9W265o9IFLmwVOwxHXKLgPWfTqQnP6n_SE5wRtC7riPM6R8iwtR7TyMUd6d7_l2CMzacaguAmexMm-M7P2S1GjsdQOxfDuUDFs9zWby_wWQ9QxRyYYx85XS0VgAt-xh23zALb8v-C1704Eg2u8WPN1Q7DayTXB3OVDdQt_TUuZ0RMXFq5rP7MAunDpp9ZnH1MeeAb5YlPMgArcIN56wm5SB5Z801r_5wancVRMIMyKHc97WKAUs07_B9-h-l_sJpOjmMBt0PdYbtKbt5A0qe9ZO5uxNIrI643g6vvuBxAubq5o6pRyCsMY2blqpjNPVg63YBDASCKtIx2qTatek5ZXvjQDgreFJ1UB6xLyzZbailYpylkQZPT4_cLxnHqrdKv5D7www2MJG78o4zQx4Bql229dZEK4yC5aIPhs2KpiixKNDOAytSXwfipDcSRN9FaM5EdB2OQzfsSlCu3G7SLjz3ju3M5Kaew6xTb1dGrX3Lw0Sd_OQ7WPZrCn_A_24rRzj9ke5aq0CralXxnW8Xb_SrVTE5q5WiviKF0jugHJ7EBK6Grt5xf8TXMnbq8RNSONk2W7IamJMtiVD28G0yBYiFop88nyw51A11cdHtWMPRapAM2QmtX5onQzowcOegNrs690CvhAuLyLQC2l69d4qUhX-WBWx5KZ-MJOzUPKMgjCquX4nqv4JRFUrYBD8q5yt6e7BdmYlBHlSn-16AVH9Pdu4B30xB6jMVnPvH51iUQZLO3Knjd1SrE8mPzicxQIR26yFTqEzlJkMAxY2u1khGZqZ3U_3l06ZmHSP9ZByE5QmrxL_8RGaY2B2dr8ioCQtTWkWbUs6JuJRE3cP2nxOdJaKUfYTFPxmPe-3aVqZgTc8uE4qX1_4TBjqfruZq2n6der15w6OJ1F1bvnkKCJgbeD9E6CY6aaw5cOPtWhw2CrJ9lx3GdzZdRNcTt2lIZy99oVwSx-92j0YSedxJijwP3SHaHmqQz1MlQSpDUl6qpeIxNPAl-bAXGeXp41-iJyObQSaSMelHa0GEyL0uLILXqAbQlnJ-qejYyArFnxt2x6WcwGmfNoJ9vFPGRqj5zVxxeAeCEU_XmnOcjTXPfzf_WWcIzO4uhSo_iPdEcKeqDzUt8F9pmPms4dOKvv8IKi12P4Ziy2C8-mulntftDKGeTci3C1_ZirJaagbS_nLraCG1uRbgMMwjlrQBd0Nhpe7vSrZGBKI7v3wfDrqbe1lrkArnm0oeSIQp2mwi-Wptor4-zagKzUKrr6XRcu8aivOVF6j7zbcMAp3dUgBkYqJxaDx1pHHChN264xd-kR0uz3plWKXNR_nvt9gfIXtuFGrFdPuoPmTDdYOiQWnT5IsqrtqXunB6H8XaGLUvG7CZsdRgMDYrpdww', 1795747454, 1795833854);
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
ALTER TABLE ONLY public.secret_use
    ADD CONSTRAINT secret_use_pkey PRIMARY KEY (secret_id);
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
ALTER TABLE ONLY public.secret_use
    ADD CONSTRAINT secret_use_secret_id_fkey FOREIGN KEY (secret_id) REFERENCES public.client_secret(secret_id) ON DELETE CASCADE;
