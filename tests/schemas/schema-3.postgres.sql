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
    key_set text,
    jwks_uri text,
    tls_subject text,
    dpop_bound boolean DEFAULT false NOT NULL,
    certificate_bound boolean DEFAULT false NOT NULL,
    networks text,
    CONSTRAINT client_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])))
);
CREATE TABLE public.client_grant (
    client_id text NOT NULL,
    resource text NOT NULL,
    scopes text,
    networks text
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
CREATE TABLE public.client_trust (
    trust_id text NOT NULL,
    client_id text NOT NULL,
    issuer text NOT NULL,
    key_set text,
    jwks_uri text,
    audience text NOT NULL,
    conditions text NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.client_use (
    client_id text NOT NULL,
    first_used_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    uses bigint NOT NULL,
    last_address text NOT NULL
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
CREATE TABLE public.longest_lifetime (
    one bigint NOT NULL,
    seconds bigint NOT NULL,
    CONSTRAINT longest_lifetime_one_check CHECK ((one = 1))
);
CREATE TABLE public.refusal (
    request_id text NOT NULL,
    at bigint NOT NULL,
    status bigint NOT NULL,
    error text NOT NULL,
    address text NOT NULL,
    client_id text,
    reason text NOT NULL,
    remedy text,
    hint text
);
CREATE TABLE public.resource (
    resource text NOT NULL,
    token_lifetime bigint,
    signing_algorithm text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    signed_before text
);
CREATE TABLE public.resource_scope (
    resource text NOT NULL,
    scope text NOT NULL,
    description text NOT NULL
);
CREATE TABLE public.revoked_client (
    client_id text NOT NULL,
    revoked_until bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.revoked_token (
    jti text NOT NULL,
    expires_at bigint NOT NULL
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
    signs_from bigint NOT NULL,
    retired_at bigint
);
CREATE TABLE public.used_assertion (
    assertion text NOT NULL,
    expires_at bigint NOT NULL
);
INSERT INTO public._sqlx_migrations VALUES (1, 'first schema', '2026-11-27 02:46:38.1031+00', true, '\x5ab87202cab21075f5ece8457334418093b01918412e03f6ce0ab7ae09e9495938fb890effa38f84b2f6e06dda69294e', 24160135);
INSERT INTO public._sqlx_migrations VALUES (2, 'use and rate', '2026-11-27 02:46:38.128023+00', true, '\xd4bcbcda47a46a903312f6e0d9fe342f1079574291cec76ca2f59bd6e0bea19efb27d565b7955178f9fc53b81449102e', 4514373);
INSERT INTO public._sqlx_migrations VALUES (3, 'ways to prove and ends of tokens', '2026-11-27 02:46:38.132761+00', true, '\x66b37d6bd3628f33cdcda1552d1996dca3cf7522e0d3ee29ccf94cca03445319cf88edb2856c71dbfc6e2b827025ba0b', 20054225);
INSERT INTO public.client VALUES ('billing', 'The billing client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', 600, 1795747599, 1795747599, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('expired', 'The expired client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747602, 1795747602, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('ended', 'The ended client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747602, 1795747602, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('imported', 'Größe "S", ''quoted''', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747603, 1795747603, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('hashed', 'hashed', 'active', 'client_secret_post', 'client_credentials', 120, 1795747603, 1795747603, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('shop', 'The shop client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747600, 1795747605, '60/m', NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('basic-only', 'Renamed', 'active', 'client_secret_basic', 'client_credentials', NULL, 1795747600, 1795747605, 'off', NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('keyed', 'The keyed client', 'active', 'private_key_jwt', 'client_credentials', NULL, 1795747606, 1795747606, NULL, '{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"kRT5WEkQkktUBSf3nxvVe9GqrsWlXOT6uCdOyTPVoIs","kty":"OKP","use":"sig","x":"4BS2F1dFqYa0f5hFKzbUMLU-60y14wIupjxTW6F38VQ"}]}', NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('fetched', 'The fetched client', 'active', 'private_key_jwt', 'client_credentials', NULL, 1795747606, 1795747606, NULL, NULL, 'https://keys.example.com/jwks.json', NULL, false, false, NULL);
INSERT INTO public.client VALUES ('of-a-root', 'The of-a-root client', 'active', 'tls_client_auth', 'client_credentials', NULL, 1795747606, 1795747606, NULL, NULL, NULL, 'subject_dn=CN=worker 1,O=Acme\, Inc.,C=DE', false, false, NULL);
INSERT INTO public.client VALUES ('self-signed', 'The self-signed client', 'active', 'self_signed_tls_client_auth', 'client_credentials', NULL, 1795747607, 1795747607, NULL, '{"keys":[{"crv":"P-256","kid":"3WGz0yrAIjWopkbMGGXE_TwS2omFv-9EZzBa_tQ_WVc","kty":"EC","use":"sig","x":"6X1FEwPtKXBqPPlKKfCbl8NWwQ95iGaiTaCRUsfyYRY","x5c":["MIIBdzCCAR2gAwIBAgIURdq9WL2LcJGAzyRQMkHcOvYkI0swCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGd29ya2VyMB4XDTI2MTEyNzAyNDY0NloXDTM2MTEyNDAyNDY0NlowETEPMA0GA1UEAwwGd29ya2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6X1FEwPtKXBqPPlKKfCbl8NWwQ95iGaiTaCRUsfyYRZE5vge4JUaksO6e6gUUoQTV8ELxb3Vy8rDs6OrSMSJt6NTMFEwHQYDVR0OBBYEFKrfYzoJCwQNzp9bp0g6hjN9F5mvMB8GA1UdIwQYMBaAFKrfYzoJCwQNzp9bp0g6hjN9F5mvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgX6fTErot0FKIono5nTx2ySqOvSW9uddSS/sfb7hOblQCIQDN4KwGFEPPNv1+mWJS8/9SHRPozgrb9S6tMcneLepfgg=="],"y":"ROb4HuCVGpLDunuoFFKEE1fBC8W91cvKw7Ojq0jEibc"}]}', NULL, NULL, false, true, NULL);
INSERT INTO public.client VALUES ('bound', 'The bound client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747607, 1795747607, NULL, NULL, NULL, NULL, true, false, NULL);
INSERT INTO public.client VALUES ('near', 'The near client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747607, 1795747607, NULL, NULL, NULL, NULL, false, false, '127.0.0.0/8 2001:db8::/32');
INSERT INTO public.client VALUES ('far', 'The far client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747607, 1795747607, NULL, NULL, NULL, NULL, false, false, '10.0.0.0/8');
INSERT INTO public.client VALUES ('partly-near', 'The partly-near client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747608, 1795747608, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('reports', 'The reports client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747608, 1795747608, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('introspector', 'The introspector client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747609, 1795747609, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('revoked', 'The revoked client', 'active', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747609, 1795747609, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('federated', 'The federated client', 'active', 'private_key_jwt', 'client_credentials urn:ietf:params:oauth:grant-type:jwt-bearer', NULL, 1795747609, 1795747609, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client VALUES ('disabled', 'The disabled client', 'disabled', 'client_secret_basic client_secret_post', 'client_credentials', NULL, 1795747601, 1795747613, NULL, NULL, NULL, NULL, false, false, NULL);
INSERT INTO public.client_grant VALUES ('billing', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('shop', 'https://orders.example.com', 'orders:read', NULL);
INSERT INTO public.client_grant VALUES ('shop', 'https://invoices.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('basic-only', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('disabled', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('expired', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('ended', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('imported', 'https://orders.example.com', 'orders:read', NULL);
INSERT INTO public.client_grant VALUES ('hashed', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('keyed', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('fetched', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('of-a-root', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('self-signed', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('bound', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('near', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('far', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('partly-near', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('partly-near', 'https://invoices.example.com', NULL, '10.0.0.0/8');
INSERT INTO public.client_grant VALUES ('reports', 'https://reports.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('introspector', 'urn:tokend', 'introspect', NULL);
INSERT INTO public.client_grant VALUES ('revoked', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_grant VALUES ('federated', 'https://orders.example.com', NULL, NULL);
INSERT INTO public.client_secret VALUES ('sec_vRc3Ts8EdAWimYULug0L', 'shop', 'minted', '$argon2id$v=19$m=64,t=1,p=1$xBIFpunYPCGoSqgPx3UtUQ$HlJ+qURbkaHawXtKkxbUDQwXhdYSZWfm0UEyTbjcNwg', '07QQtN', '', 1795747600, NULL);
INSERT INTO public.client_secret VALUES ('sec_V3jHdkHdpsfABdbxqi6d', 'basic-only', 'minted', '$argon2id$v=19$m=64,t=1,p=1$aFvKlunuwuAhYatiFEUG7w$olyp3BPWPFKoQukFlqwVrcFowV1ZWKKVtyh2zJLidNw', '0puPYG', '', 1795747600, NULL);
INSERT INTO public.client_secret VALUES ('sec_SYWRbLjyuDLGnbPq4Xys', 'disabled', 'minted', '$argon2id$v=19$m=64,t=1,p=1$OSrc5Okys+wZLtX+56bm/w$cbVSqpkP5sSU1xAMMY8rbn70OoXeETOJREmWddZKZkY', '0y926p', '', 1795747601, NULL);
INSERT INTO public.client_secret VALUES ('sec_atHnWIUhKqTFhnBgVbgN', 'expired', 'minted', '$argon2id$v=19$m=64,t=1,p=1$DUSX4o9jxMh6IwPuUs4suQ$C2Oz+ZWDgdPjuyXs4yW74d22JfK0gB//rEh4OE2ItDo', '30Y5os', '', 1795747602, 1795747603);
INSERT INTO public.client_secret VALUES ('sec_dvyifkYDjPUJVMhybAe8', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$GNYBsuZLDivwO6HgJLxsLw$vTm/20Rj+Y/LOUwWpDS5MbDUXsiSAYkSD3Cs+yXw6OM', '3tg3ah', 'spare', 1795747603, 1803523603);
INSERT INTO public.client_secret VALUES ('sec_FAQZxiLl03VVcCbAErhE', 'ended', 'minted', '$argon2id$v=19$m=64,t=1,p=1$DYz81Ksz/NJpKM85GqZWZw$McyUKbDmyq3cPXc6sCzZSge04gI+doXabiOfiy1rjRo', '3MRaSa', '', 1795747602, 1795747603);
INSERT INTO public.client_secret VALUES ('sec_76UY9LNpFHjZigkxy6ps', 'imported', 'imported', '$argon2id$v=19$m=64,t=1,p=1$bAMgYnrSWb5YjTRwQT1yFA$3Koixl7NpZ5eLzQEtJJ9hFq3L5V5CEuwS4m4OG//3z4', '', 'imported', 1795747603, NULL);
INSERT INTO public.client_secret VALUES ('sec_1Ubc4QTUVCCmbn4icqW4', 'hashed', 'imported', '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', '', 'imported', 1795747603, NULL);
INSERT INTO public.client_secret VALUES ('sec_qfLVbO6kOvKjB1G7E0UG', 'bound', 'minted', '$argon2id$v=19$m=64,t=1,p=1$z13oarGV5gcdPLHJ+cgjVQ$3eYsDjA10ByHLnW1Q0l4449exfCTOUzUxSAuZfV1EMg', '0oyHCC', '', 1795747607, NULL);
INSERT INTO public.client_secret VALUES ('sec_GkEbCnZ1H7X1ojdEW1tQ', 'near', 'minted', '$argon2id$v=19$m=64,t=1,p=1$NuiJo+p/XDHIxhIwHLwbcA$kkdJg4dXI+4e+oiJg0jfEYB2xFEADnj3s6Tt3dB95vY', '1Ktmfc', '', 1795747607, NULL);
INSERT INTO public.client_secret VALUES ('sec_O0F5l9QpYSfkRgoHXc79', 'far', 'minted', '$argon2id$v=19$m=64,t=1,p=1$ZlfgAObwAxROH9atWeSXPw$osdZsGXk3n+iBAk5HZyn+qunM87zqJizuZ6854zGD/w', '37WlxT', '', 1795747607, NULL);
INSERT INTO public.client_secret VALUES ('sec_s6OtvQrYXTO0z5vcrWcx', 'partly-near', 'minted', '$argon2id$v=19$m=64,t=1,p=1$3HRsY8/DE0aGyxEWneLo1g$IikxTZod2Xv3w0EqnMFmqOeLxv54c6WeJHg/X7hD3cA', '0u3x7Z', '', 1795747608, NULL);
INSERT INTO public.client_secret VALUES ('sec_8m8kmt3MQ8s3RJGMRalU', 'reports', 'minted', '$argon2id$v=19$m=64,t=1,p=1$eorZjO30HrXCAur+MvG2ew$VY3iy2rqiDAGQrf6Szfl3RJCvjTRdFfudSzukLltFDw', '2aU2tk', '', 1795747608, NULL);
INSERT INTO public.client_secret VALUES ('sec_k4XqPUSCTqa4aJ2BXA8u', 'introspector', 'minted', '$argon2id$v=19$m=64,t=1,p=1$/6ULnMydMF8M3cmvg1I+yg$kyJt2NJDtbtHcoKukYmUtZsre6+iZbm4+/CY3Q+Gn6k', '4Scxvg', '', 1795747609, NULL);
INSERT INTO public.client_secret VALUES ('sec_D77n72Qvs4FISMLAFb1N', 'revoked', 'minted', '$argon2id$v=19$m=64,t=1,p=1$cwhHGgKpVN4f3iMIU1rK7Q$Bcfoj8yIeVhlhB2GkslZ902SxIeG0KeckCsuzXBK6hs', '1uFMTh', '', 1795747609, NULL);
INSERT INTO public.client_secret VALUES ('sec_Sn692BzA4FxTvhvBrCMt', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$9nBaE/xqNbOs/7+DZ8ZhkA$Y2xDaNxDuQ9OuSgeSVUto2OA/3BMlQ05mbrAZD/XduY', '0r8nw5', 'first of two', 1795747599, 1795834012);
INSERT INTO public.client_secret VALUES ('sec_iyXoE7K3MZh7Rx4fja8s', 'billing', 'minted', '$argon2id$v=19$m=64,t=1,p=1$AZwkgSyEKMZHhMhJcH5ZDg$kACBcCd+35HN6WkKcTSKC80KYzv1N1qsaO1z/nIXmVk', '0Zh8DS', 'second of two', 1795747612, NULL);
INSERT INTO public.client_trust VALUES ('tru_y0v2nxFNvk8qM7MEihLq', 'federated', 'https://ci.example', '{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"weNeyTsXm9KjZRZFXQz_zvxPptBdSrAeCmmgm5Ng4fM","kty":"OKP","use":"sig","x":"vA5lbvv6JaakSS2yj_UYC-6hVHMwGOPALOG9W7RoJTk"}]}', NULL, 'https://id.example.com', '{"ref":"refs/heads/main","sub":"repo:acme/api:*"}', 1795747609);
INSERT INTO public.client_trust VALUES ('tru_5FcSUWH7XOChr9BYQiPA', 'federated', 'https://spire.example', NULL, 'https://spire.example/keys', 'https://id.example.com', '{"sub":"spiffe://example/worker"}', 1795747609);
INSERT INTO public.client_trust VALUES ('tru_lERoycm9RJ6JxWCJgfSi', 'federated', 'https://k8s.example', NULL, NULL, 'https://id.example.com', '{"/kubernetes.io/namespace":"billing","sub":"system:serviceaccount:a:b"}', 1795747610);
INSERT INTO public.client_use VALUES ('keyed', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.client_use VALUES ('federated', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.event VALUES (1, 1795747598, 'cli:unknown', 'resource.created', 'resource/https://orders.example.com', '{"scopes":["orders:read","orders:write"],"signing_algorithm":null,"token_lifetime":1800}', '', 'Q2SU14BYQsEazLPhFUb8_nDZ2c3qYKKUOPsHZ8PRVow');
INSERT INTO public.event VALUES (2, 1795747598, 'cli:unknown', 'resource.created', 'resource/https://invoices.example.com', '{"scopes":["invoices:draft","invoices:read"],"signing_algorithm":null,"token_lifetime":null}', 'Q2SU14BYQsEazLPhFUb8_nDZ2c3qYKKUOPsHZ8PRVow', 'NRlFxXuE-u2hh1XFg4-6xetA8qgjT3CtF87vKeY_ekQ');
INSERT INTO public.event VALUES (3, 1795747598, 'cli:unknown', 'resource.created', 'resource/https://gone.example.com', '{"scopes":["gone:read"],"signing_algorithm":null,"token_lifetime":null}', 'NRlFxXuE-u2hh1XFg4-6xetA8qgjT3CtF87vKeY_ekQ', 'oQLeiCQKAoety2dhtscROOWfubTPcUYaVmQQ8tR_0Mc');
INSERT INTO public.event VALUES (4, 1795747599, 'cli:unknown', 'resource.deleted', 'resource/https://gone.example.com', '{"grants_revoked":0}', 'oQLeiCQKAoety2dhtscROOWfubTPcUYaVmQQ8tR_0Mc', 'PW_NkTMj2NWo2xmLrZ8NVCPuGuoIj6wHx-9RuwDuXhY');
INSERT INTO public.event VALUES (5, 1795747599, 'cli:unknown', 'resource.updated', 'resource/https://invoices.example.com', '{"removed":["invoices:draft"],"scopes":["invoices:read"],"signing_algorithm":null,"token_lifetime":null}', 'PW_NkTMj2NWo2xmLrZ8NVCPuGuoIj6wHx-9RuwDuXhY', '4V-KsUGCYeHEMgpePGDR40x05DA8u_IRtF9x17gtwjs');
INSERT INTO public.event VALUES (6, 1795747599, 'cli:unknown', 'client.created', 'client/billing', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The billing client","secret_id":"sec_Sn692BzA4FxTvhvBrCMt","security":{}}', '4V-KsUGCYeHEMgpePGDR40x05DA8u_IRtF9x17gtwjs', 'lGel01FLNI-yLjDC4o931sGsZbiWRS_ON0xxFV5npnQ');
INSERT INTO public.event VALUES (7, 1795747600, 'cli:unknown', 'client.created', 'client/shop', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The shop client","secret_id":"sec_vRc3Ts8EdAWimYULug0L","security":{}}', 'lGel01FLNI-yLjDC4o931sGsZbiWRS_ON0xxFV5npnQ', 'iJM151hY2j9LnV4jcmWYDYJfmjWlgAI1es6DzlGsGzM');
INSERT INTO public.event VALUES (8, 1795747600, 'cli:unknown', 'client.created', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The basic-only client","secret_id":"sec_V3jHdkHdpsfABdbxqi6d","security":{}}', 'iJM151hY2j9LnV4jcmWYDYJfmjWlgAI1es6DzlGsGzM', 'Ji_hWLcTyXrd8FM4QUa0ZqFOeJr47ZOarcQHaYX7hDU');
INSERT INTO public.event VALUES (9, 1795747601, 'cli:unknown', 'client.created', 'client/disabled', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The disabled client","secret_id":"sec_SYWRbLjyuDLGnbPq4Xys","security":{}}', 'Ji_hWLcTyXrd8FM4QUa0ZqFOeJr47ZOarcQHaYX7hDU', 'oQsDlqi7sQ3FQPjdh8aRfu6dJP0uj3CJSh4fqB2CQ8Y');
INSERT INTO public.event VALUES (10, 1795747601, 'cli:unknown', 'client.created', 'client/deleted', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The deleted client","secret_id":"sec_X84FyXeJ4IQ4pMVzmIXg","security":{}}', 'oQsDlqi7sQ3FQPjdh8aRfu6dJP0uj3CJSh4fqB2CQ8Y', 'xziqFn7nqNSicU5SK4DRdI9r-lnu1jcONIrXQLO16JE');
INSERT INTO public.event VALUES (11, 1795747602, 'cli:unknown', 'client.created', 'client/expired', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The expired client","secret_id":"sec_atHnWIUhKqTFhnBgVbgN","security":{}}', 'xziqFn7nqNSicU5SK4DRdI9r-lnu1jcONIrXQLO16JE', 'X4INvV4nKMXm2FAS3XdGeW5oJVlM5IJ0u9Wclb_i8Sk');
INSERT INTO public.event VALUES (12, 1795747602, 'cli:unknown', 'client.created', 'client/ended', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The ended client","secret_id":"sec_FAQZxiLl03VVcCbAErhE","security":{}}', 'X4INvV4nKMXm2FAS3XdGeW5oJVlM5IJ0u9Wclb_i8Sk', 'jGNvsyADZFxC6j7PMyal488uohkKXW3xqgMff-EgO98');
INSERT INTO public.event VALUES (13, 1795747603, 'cli:unknown', 'secret.added', 'client/ended', '{"label":"spare","secret_id":"sec_dvyifkYDjPUJVMhybAe8"}', 'jGNvsyADZFxC6j7PMyal488uohkKXW3xqgMff-EgO98', '3WM8lz578-XYsXycoLbJqqsvO2itMGYsTrvMtRjQW2o');
INSERT INTO public.event VALUES (14, 1795747603, 'cli:unknown', 'secret.expired', 'client/ended', '{"ended_at":"2026-11-27T02:46:43Z","secret_id":"sec_FAQZxiLl03VVcCbAErhE"}', '3WM8lz578-XYsXycoLbJqqsvO2itMGYsTrvMtRjQW2o', 'If36KgzkQclTTdkD-RGI9vaSOQGY8gVwdp9u3TSSaUg');
INSERT INTO public.event VALUES (15, 1795747603, 'cli:unknown', 'client.imported', 'client/imported', '{"grants":[{"resource":"https://orders.example.com","scopes":["orders:read"]}],"name":"Größe \"S\", ''quoted''","secret_id":"sec_76UY9LNpFHjZigkxy6ps"}', 'If36KgzkQclTTdkD-RGI9vaSOQGY8gVwdp9u3TSSaUg', 'LPQODsloNZLS3EJUnFRijGQopTzVNAX7AzQ98mvb17U');
INSERT INTO public.event VALUES (16, 1795747603, 'cli:unknown', 'client.imported', 'client/hashed', '{"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"hashed","secret_id":"sec_1Ubc4QTUVCCmbn4icqW4"}', 'LPQODsloNZLS3EJUnFRijGQopTzVNAX7AzQ98mvb17U', 'W5seELxs7BOttdKh26A0lGp-Ct3opoL6yZmPHjoB4xo');
INSERT INTO public.event VALUES (17, 1795747603, 'cli:unknown', 'grant.changed', 'client/basic-only', '{"resource":"https://invoices.example.com","scopes":["invoices:read"]}', 'W5seELxs7BOttdKh26A0lGp-Ct3opoL6yZmPHjoB4xo', 'CpCVHfmUZkCFNe_BLBqGzLOon3LcYxzFvb5uuf5dAOk');
INSERT INTO public.event VALUES (18, 1795747604, 'cli:unknown', 'grant.revoked', 'client/basic-only', '{"resource":"https://invoices.example.com"}', 'CpCVHfmUZkCFNe_BLBqGzLOon3LcYxzFvb5uuf5dAOk', 'gQvvuBJfkZB1tNoePit9aDIwgZoSAd3FJ16tw1pCPkw');
INSERT INTO public.event VALUES (19, 1795747604, 'cli:unknown', 'client.updated', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","security":{},"token_lifetime":null,"token_rate":null}', 'gQvvuBJfkZB1tNoePit9aDIwgZoSAd3FJ16tw1pCPkw', 'j9tgfSsrg7E0LSmdlg-Bh4hIcBPeYkxPA1myr5NH5Kg');
INSERT INTO public.event VALUES (20, 1795747604, 'cli:unknown', 'client.disabled', 'client/basic-only', '{"reason":null}', 'j9tgfSsrg7E0LSmdlg-Bh4hIcBPeYkxPA1myr5NH5Kg', 'dsXBT5XG1nAXbWPZ37ZSHh7JgXrPbctfWpANgO_J-Lw');
INSERT INTO public.event VALUES (21, 1795747605, 'cli:unknown', 'client.enabled', 'client/basic-only', '{"reason":null}', 'dsXBT5XG1nAXbWPZ37ZSHh7JgXrPbctfWpANgO_J-Lw', 'DX1WX4xPlodgF9S2OfHrTQJx1oAL8JdxFJbGPd1Xcm8');
INSERT INTO public.event VALUES (22, 1795747605, 'cli:unknown', 'client.updated', 'client/shop', '{"auth_methods":["client_secret_basic","client_secret_post"],"grant_types":["client_credentials"],"name":"The shop client","security":{},"token_lifetime":null,"token_rate":"60/m"}', 'DX1WX4xPlodgF9S2OfHrTQJx1oAL8JdxFJbGPd1Xcm8', 'n8At8DmFB6cqFQw4v17YmGqRvU2ni0ah_bZbI6TO_Ow');
INSERT INTO public.event VALUES (23, 1795747605, 'cli:unknown', 'client.updated', 'client/basic-only', '{"auth_methods":["client_secret_basic"],"grant_types":["client_credentials"],"name":"Renamed","security":{},"token_lifetime":null,"token_rate":"off"}', 'n8At8DmFB6cqFQw4v17YmGqRvU2ni0ah_bZbI6TO_Ow', 'SDqZkNnfkc9MtzKPI1ZQTMguHjxgk9hGutrqYTzqVPI');
INSERT INTO public.event VALUES (24, 1795747605, 'cli:unknown', 'resource.created', 'resource/https://reports.example.com', '{"scopes":["reports:read"],"signing_algorithm":"RS256","token_lifetime":null}', 'SDqZkNnfkc9MtzKPI1ZQTMguHjxgk9hGutrqYTzqVPI', '5XaTPu5ghymkhLhBQ86MUGPRjNWPnK4O2u8_XEU1raw');
INSERT INTO public.event VALUES (25, 1795747606, 'cli:unknown', 'client.created', 'client/keyed', '{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The keyed client","secret_id":null,"security":{"jwks":{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"kRT5WEkQkktUBSf3nxvVe9GqrsWlXOT6uCdOyTPVoIs","kty":"OKP","use":"sig","x":"4BS2F1dFqYa0f5hFKzbUMLU-60y14wIupjxTW6F38VQ"}]}}}', '5XaTPu5ghymkhLhBQ86MUGPRjNWPnK4O2u8_XEU1raw', '8QpaCVIS1K1jAZHimMOH8jgNkSWTYhCmvG0IoiyVuv8');
INSERT INTO public.event VALUES (26, 1795747606, 'cli:unknown', 'client.created', 'client/fetched', '{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The fetched client","secret_id":null,"security":{"jwks_uri":"https://keys.example.com/jwks.json"}}', '8QpaCVIS1K1jAZHimMOH8jgNkSWTYhCmvG0IoiyVuv8', '6VWlMASmcrGLl62ZaYJlWyPm_hvoCMWqX_WSw8t7e6Y');
INSERT INTO public.event VALUES (27, 1795747606, 'cli:unknown', 'client.created', 'client/of-a-root', '{"auth_methods":["tls_client_auth"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The of-a-root client","secret_id":null,"security":{"tls_client_auth_subject_dn":"CN=worker 1,O=Acme\\, Inc.,C=DE"}}', '6VWlMASmcrGLl62ZaYJlWyPm_hvoCMWqX_WSw8t7e6Y', 'y7xgMIsJqpLbLPakYKnaLePTxj94n8x-9ort3X880fw');
INSERT INTO public.event VALUES (28, 1795747607, 'cli:unknown', 'client.created', 'client/self-signed', '{"auth_methods":["self_signed_tls_client_auth"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The self-signed client","secret_id":null,"security":{"jwks":{"keys":[{"crv":"P-256","kid":"3WGz0yrAIjWopkbMGGXE_TwS2omFv-9EZzBa_tQ_WVc","kty":"EC","use":"sig","x":"6X1FEwPtKXBqPPlKKfCbl8NWwQ95iGaiTaCRUsfyYRY","x5c":["MIIBdzCCAR2gAwIBAgIURdq9WL2LcJGAzyRQMkHcOvYkI0swCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGd29ya2VyMB4XDTI2MTEyNzAyNDY0NloXDTM2MTEyNDAyNDY0NlowETEPMA0GA1UEAwwGd29ya2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6X1FEwPtKXBqPPlKKfCbl8NWwQ95iGaiTaCRUsfyYRZE5vge4JUaksO6e6gUUoQTV8ELxb3Vy8rDs6OrSMSJt6NTMFEwHQYDVR0OBBYEFKrfYzoJCwQNzp9bp0g6hjN9F5mvMB8GA1UdIwQYMBaAFKrfYzoJCwQNzp9bp0g6hjN9F5mvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgX6fTErot0FKIono5nTx2ySqOvSW9uddSS/sfb7hOblQCIQDN4KwGFEPPNv1+mWJS8/9SHRPozgrb9S6tMcneLepfgg=="],"y":"ROb4HuCVGpLDunuoFFKEE1fBC8W91cvKw7Ojq0jEibc"}]},"tls_client_certificate_bound_access_tokens":true}}', 'y7xgMIsJqpLbLPakYKnaLePTxj94n8x-9ort3X880fw', 'znUUUwgGvAYiV59H3s-oJPAahzSUTzqRdiYKFmE_CGQ');
INSERT INTO public.event VALUES (29, 1795747607, 'cli:unknown', 'client.created', 'client/bound', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The bound client","secret_id":"sec_qfLVbO6kOvKjB1G7E0UG","security":{"dpop_bound_access_tokens":true}}', 'znUUUwgGvAYiV59H3s-oJPAahzSUTzqRdiYKFmE_CGQ', 'Bel7Alm6LmtJfAKYHb-xAaLLytEZ7cFH7UR_n1tWRO4');
INSERT INTO public.event VALUES (30, 1795747607, 'cli:unknown', 'client.created', 'client/near', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The near client","secret_id":"sec_GkEbCnZ1H7X1ojdEW1tQ","security":{"networks":["127.0.0.0/8","2001:db8::/32"]}}', 'Bel7Alm6LmtJfAKYHb-xAaLLytEZ7cFH7UR_n1tWRO4', 'Z47nNpbszghlzn-f-JbTSQErlnU7Uw_neCYyMe03qWc');
INSERT INTO public.event VALUES (31, 1795747607, 'cli:unknown', 'client.created', 'client/far', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The far client","secret_id":"sec_O0F5l9QpYSfkRgoHXc79","security":{"networks":["10.0.0.0/8"]}}', 'Z47nNpbszghlzn-f-JbTSQErlnU7Uw_neCYyMe03qWc', 'Sjm0gW13qCBT1AEuT_hH8P6AMNi2CFXJSUstxKSWfSM');
INSERT INTO public.event VALUES (32, 1795747608, 'cli:unknown', 'client.created', 'client/partly-near', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"},{"resource":"https://invoices.example.com","scopes":"all"}],"name":"The partly-near client","secret_id":"sec_s6OtvQrYXTO0z5vcrWcx","security":{}}', 'Sjm0gW13qCBT1AEuT_hH8P6AMNi2CFXJSUstxKSWfSM', 'FUPh-hJExHD3_9WxvRhspaArb42RAJ3MU3-MQAH-sy8');
INSERT INTO public.event VALUES (33, 1795747608, 'cli:unknown', 'grant.changed', 'client/partly-near', '{"networks":["10.0.0.0/8"],"resource":"https://invoices.example.com","scopes":"all"}', 'FUPh-hJExHD3_9WxvRhspaArb42RAJ3MU3-MQAH-sy8', '735MYYOQMpo0IE08dV7_JAtbNhMPmZcMvDuB5h_5nLM');
INSERT INTO public.event VALUES (34, 1795747608, 'cli:unknown', 'client.created', 'client/reports', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://reports.example.com","scopes":"all"}],"name":"The reports client","secret_id":"sec_8m8kmt3MQ8s3RJGMRalU","security":{}}', '735MYYOQMpo0IE08dV7_JAtbNhMPmZcMvDuB5h_5nLM', 'dKIyeZLtiI4gfQTi01viXxvuKLJC6Axq7lQldOKXEJo');
INSERT INTO public.event VALUES (35, 1795747609, 'cli:unknown', 'client.created', 'client/introspector', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"urn:tokend","scopes":["introspect"]}],"name":"The introspector client","secret_id":"sec_k4XqPUSCTqa4aJ2BXA8u","security":{}}', 'dKIyeZLtiI4gfQTi01viXxvuKLJC6Axq7lQldOKXEJo', 'RythHEJsen6BEiJCDnA16ZkgAfmQ7obp_apmqsgxoss');
INSERT INTO public.event VALUES (36, 1795747609, 'cli:unknown', 'client.created', 'client/revoked', '{"auth_methods":["client_secret_basic","client_secret_post"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The revoked client","secret_id":"sec_D77n72Qvs4FISMLAFb1N","security":{}}', 'RythHEJsen6BEiJCDnA16ZkgAfmQ7obp_apmqsgxoss', 'TEv7rINGWWhhCro7NruKS_S-LWDnSOoxjvgvUNTZz-s');
INSERT INTO public.event VALUES (37, 1795747609, 'cli:unknown', 'client.created', 'client/federated', '{"auth_methods":["private_key_jwt"],"grants":[{"resource":"https://orders.example.com","scopes":"all"}],"name":"The federated client","secret_id":null,"security":{}}', 'TEv7rINGWWhhCro7NruKS_S-LWDnSOoxjvgvUNTZz-s', 'GIR3aEvUECsVjKM686jbtOXvAncnmv_yjkqQIg2CxAA');
INSERT INTO public.event VALUES (38, 1795747609, 'cli:unknown', 'client.trust_added', 'client/federated', '{"audience":"https://id.example.com","conditions":{"ref":"refs/heads/main","sub":"repo:acme/api:*"},"created_at":"2026-11-27T02:46:49Z","issuer":"https://ci.example","jwks":{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"weNeyTsXm9KjZRZFXQz_zvxPptBdSrAeCmmgm5Ng4fM","kty":"OKP","use":"sig","x":"vA5lbvv6JaakSS2yj_UYC-6hVHMwGOPALOG9W7RoJTk"}]},"trust_id":"tru_y0v2nxFNvk8qM7MEihLq"}', 'GIR3aEvUECsVjKM686jbtOXvAncnmv_yjkqQIg2CxAA', 'pPyRfR8SIbxUeaJ2pu1U9T_YGpy3odKz6GZ-IKds5qw');
INSERT INTO public.event VALUES (39, 1795747609, 'cli:unknown', 'client.trust_added', 'client/federated', '{"audience":"https://id.example.com","conditions":{"sub":"spiffe://example/worker"},"created_at":"2026-11-27T02:46:49Z","issuer":"https://spire.example","jwks_uri":"https://spire.example/keys","trust_id":"tru_5FcSUWH7XOChr9BYQiPA"}', 'pPyRfR8SIbxUeaJ2pu1U9T_YGpy3odKz6GZ-IKds5qw', 'A_webswD70ts1-iGPEw_aHYIhghNs5uPbpNpA__TprQ');
INSERT INTO public.event VALUES (40, 1795747610, 'cli:unknown', 'client.trust_added', 'client/federated', '{"audience":"https://id.example.com","conditions":{"/kubernetes.io/namespace":"billing","sub":"system:serviceaccount:a:b"},"created_at":"2026-11-27T02:46:50Z","issuer":"https://k8s.example","trust_id":"tru_lERoycm9RJ6JxWCJgfSi"}', 'A_webswD70ts1-iGPEw_aHYIhghNs5uPbpNpA__TprQ', '8EyjlEJvkA9BInSwrab2t7sTD1lyCQAkizkZ8ZYqZqs');
INSERT INTO public.event VALUES (41, 1795747610, 'server', 'key.created', 'key/03y52kqnEgHKTsOOqLa54StPdARe194pkz_Q-lZGFjw', '{"algorithm":"ES256","signs_from":"2026-11-27T02:46:50Z"}', '8EyjlEJvkA9BInSwrab2t7sTD1lyCQAkizkZ8ZYqZqs', 'Dy3QKTEDpW2ox6gtqcokOoENW9C3S-MWV5zKHxL9FYw');
INSERT INTO public.event VALUES (42, 1795747610, 'server', 'key.created', 'key/8AKpiCat_UL74xUvbbXiw8wDHo3xNS8-KRO1FolpL5w', '{"algorithm":"RS256","signs_from":"2026-11-27T02:46:51Z"}', 'Dy3QKTEDpW2ox6gtqcokOoENW9C3S-MWV5zKHxL9FYw', 'qKUA0YvcYqW7729uj7gd1H89nT3DbsBkUkDjrtnHhKs');
INSERT INTO public.event VALUES (43, 1795747611, 'client:near', 'token.revoked', 'token/CuVfx2gF1Yuc9K6_a8qbqw', '{"expires_at":"2026-11-27T03:16:51Z"}', 'qKUA0YvcYqW7729uj7gd1H89nT3DbsBkUkDjrtnHhKs', 'bW_bpFPU_hbz8wrj269drCoMKJWkSM3zRpEq4ogGSS8');
INSERT INTO public.event VALUES (44, 1795747612, 'cli:unknown', 'token.revoked', 'token/O_9V0CpCJzqjSX6MSgPlZg', '{"expires_at":"2026-11-27T03:16:51Z"}', 'bW_bpFPU_hbz8wrj269drCoMKJWkSM3zRpEq4ogGSS8', 'ix3Bel8EEyfmwvEE8Y8_NZIQUz_E6vf12JCKhIjXeyE');
INSERT INTO public.event VALUES (45, 1795747612, 'cli:unknown', 'client.tokens_revoked', 'client/revoked', '{"revoked_until":"2026-11-27T02:46:52Z"}', 'ix3Bel8EEyfmwvEE8Y8_NZIQUz_E6vf12JCKhIjXeyE', 'MsWKNafXoI_zTkfSlL9CrbkkCPPRGStx-ajDsQCFjHs');
INSERT INTO public.event VALUES (46, 1795747612, 'cli:unknown', 'secret.rotated', 'client/billing', '{"ended":["sec_Sn692BzA4FxTvhvBrCMt"],"ended_at":"2026-11-28T02:46:52Z","secret_id":"sec_iyXoE7K3MZh7Rx4fja8s"}', 'MsWKNafXoI_zTkfSlL9CrbkkCPPRGStx-ajDsQCFjHs', 'z_p0aE3ckCmGbudqI7x1okCTELRTCMVO3oAN-1JEm_4');
INSERT INTO public.event VALUES (47, 1795747613, 'cli:unknown', 'client.disabled', 'client/disabled', '{"reason":"moved; see SEC-12"}', 'z_p0aE3ckCmGbudqI7x1okCTELRTCMVO3oAN-1JEm_4', 'jbYp2wlF5kHZf8e02iqRf427vyguF4qy6Ms1780gtCk');
INSERT INTO public.event VALUES (48, 1795747613, 'cli:unknown', 'client.deleted', 'client/deleted', '{"name":"The deleted client"}', 'jbYp2wlF5kHZf8e02iqRf427vyguF4qy6Ms1780gtCk', 'HBP07WC3jIXoDZxBETSC69J6JmQO59f5S0tsFq3cNuM');
INSERT INTO public.event VALUES (49, 1795747614, 'cli:unknown', 'resource.updated', 'resource/https://reports.example.com', '{"removed":[],"scopes":["reports:read"],"signing_algorithm":"EdDSA","token_lifetime":null}', 'HBP07WC3jIXoDZxBETSC69J6JmQO59f5S0tsFq3cNuM', 'EAXj5kRbcf-pFSf8hH2nBqPxzFxTqA5MS-H4HjKj5Rs');
INSERT INTO public.event VALUES (50, 1795747614, 'server', 'key.created', 'key/kIT-UOvBFgS1YTYa-VO7oALos1b5aBHGgAzoCk2LBC0', '{"algorithm":"EdDSA","signs_from":"2026-11-27T02:46:55Z"}', 'EAXj5kRbcf-pFSf8hH2nBqPxzFxTqA5MS-H4HjKj5Rs', 'Ws_zFI9AWjD9O-fObMjGQ3QlZi0gI9EMijn9igV4Srs');
INSERT INTO public.event VALUES (51, 1795747617, 'server', 'key.retired', 'key/8AKpiCat_UL74xUvbbXiw8wDHo3xNS8-KRO1FolpL5w', '{"retired_at":"2026-11-27T02:46:57Z"}', 'Ws_zFI9AWjD9O-fObMjGQ3QlZi0gI9EMijn9igV4Srs', 'sHZ7ydtuzO1S49xQxZWkCAoE457bxzaaUbHgzwy2P6g');
INSERT INTO public.event VALUES (52, 1795747619, 'server', 'key.created', 'key/stm83lNsjH4e17hA7g_I9pSMJ1t0moNG5WWuP-oyGI8', '{"algorithm":"PS256","signs_from":"2026-11-28T02:46:59Z"}', 'sHZ7ydtuzO1S49xQxZWkCAoE457bxzaaUbHgzwy2P6g', 'BmOhwRuRD1TOaEXcmhR9DjpcJxK36vBDiGE-iUvoP6E');
INSERT INTO public.event_head VALUES (1, 52, 'BmOhwRuRD1TOaEXcmhR9DjpcJxK36vBDiGE-iUvoP6E');
INSERT INTO public.longest_lifetime VALUES (1, 86400);
INSERT INTO public.refusal VALUES ('req_WSv7KeOlN8V5BOw4JN7S', 1795747611, 401, 'invalid_client', '127.0.0.1', 'shop', 'shop: the secret is wrong, and it is none that this server makes', 'Compare with where it came from; an imported secret cannot be shown again.', NULL);
INSERT INTO public.refusal VALUES ('req_7ujmkDBKvggLrxBEoZ3U', 1795747611, 401, 'invalid_client', '127.0.0.1', 'shop', 'shop: the secret was minted for another client or by another server', 'Give this client its own secret, or make it one: tokend client add-secret.', '0r8nw5');
INSERT INTO public.refusal VALUES ('req_7o7XnkVwL0a0k42dQghQ', 1795747611, 401, 'invalid_client', '127.0.0.1', 'keyed', 'The client assertion does not count: it has been used before: make one for each request, with its own jti.', 'Have the client make an assertion for each request. If it does, somebody else has used this one.', NULL);
INSERT INTO public.refusal VALUES ('req_P5whki8u888p7lNJRpop', 1795747612, 400, 'unauthorized_client', '127.0.0.1', 'far', 'Client far may not be used from 127.0.0.1. Ask your operator (client update --network).', NULL, NULL);
INSERT INTO public.resource VALUES ('urn:tokend', NULL, NULL, 0, 0, NULL);
INSERT INTO public.resource VALUES ('https://orders.example.com', 1800, NULL, 1795747598, 1795747598, NULL);
INSERT INTO public.resource VALUES ('https://invoices.example.com', NULL, NULL, 1795747598, 1795747599, NULL);
INSERT INTO public.resource VALUES ('https://reports.example.com', NULL, 'EdDSA', 1795747605, 1795747614, 'RS256');
INSERT INTO public.resource_scope VALUES ('urn:tokend', 'introspect', 'Introspect every token of this server');
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:read', 'Read orders, old and new');
INSERT INTO public.resource_scope VALUES ('https://orders.example.com', 'orders:write', '');
INSERT INTO public.resource_scope VALUES ('https://invoices.example.com', 'invoices:read', '');
INSERT INTO public.resource_scope VALUES ('https://reports.example.com', 'reports:read', '');
INSERT INTO public.revoked_client VALUES ('basic-only', 1795747604, 1795834005);
INSERT INTO public.revoked_client VALUES ('revoked', 1795747612, 1795834013);
INSERT INTO public.revoked_client VALUES ('disabled', 1795747613, 1795834014);
INSERT INTO public.revoked_client VALUES ('deleted', 1795747613, 1795834014);
INSERT INTO public.revoked_token VALUES ('CuVfx2gF1Yuc9K6_a8qbqw', 1795749411);
INSERT INTO public.revoked_token VALUES ('O_9V0CpCJzqjSX6MSgPlZg', 1795749411);
INSERT INTO public.sealed_key VALUES ('secret_tag_key', '_keUiFPEnH37tsySBrYEGwNhCzFOcaS-rXtU5k6BXJy3V_ikF-dHrh8xq4iTaE5uohDk17UMxK599fHX');
INSERT INTO public.secret_use VALUES ('sec_vRc3Ts8EdAWimYULug0L', 1795747611, 1795747611, 2, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_SYWRbLjyuDLGnbPq4Xys', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_76UY9LNpFHjZigkxy6ps', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_GkEbCnZ1H7X1ojdEW1tQ', 1795747611, 1795747611, 4, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_O0F5l9QpYSfkRgoHXc79', 1795747612, 1795747612, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_s6OtvQrYXTO0z5vcrWcx', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_8m8kmt3MQ8s3RJGMRalU', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_D77n72Qvs4FISMLAFb1N', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.secret_use VALUES ('sec_Sn692BzA4FxTvhvBrCMt', 1795747611, 1795747611, 1, '127.0.0.1');
INSERT INTO public.signing_key VALUES ('03y52kqnEgHKTsOOqLa54StPdARe194pkz_Q-lZGFjw', 'ES256', 'iJOdwmtIscg37BoinPRBrBeCQlu1JKUqNHH0bQFfCS5LRoYVGzPMGGrgs666gUT6nLo6zD9lFMr9HvHTWpLFabBomMhPWeIpeWdjqzHRgfUzdPUzy-6HrTu6Jt0Je1wW33WRUs4inC2dr2wzIc3shZZ5dOXhN4rOHnbGCs6bZ311Vb5-5OIBQ9msxbdqdpiL8KmTC0uT1MDHOz7opzjOcLcyRlZJBw', 1795747610, 1795747610, NULL);
INSERT INTO public.signing_key VALUES ('kIT-UOvBFgS1YTYa-VO7oALos1b5aBHGgAzoCk2LBC0', 'EdDSA', 'FIzHf0-6ey9bKr3neVTwF838EDUgrb1sXZQDQsSgbFhbrGsk8LGcGnRidQFU0-xuCL0fFYTeDQ9oW7L7YfM33BtUVLhcuvRTUBmCSQ', 1795747614, 1795747615, NULL);
INSERT INTO public.signing_key VALUES ('8AKpiCat_UL74xUvbbXiw8wDHo3xNS8-KRO1FolpL5w', 'RS256', 'gVcxe1uFBXuLCFpfZpdbjLta_ijOVBWTwiRYyKsR4CsfuOWnZyF1_HyV45R6Q2KuKrJmFFkHr2evqlXps5kbbpcPF0z1XK_3l7l6tmnnNgGz8soB3bXyy8isJxFm8nphXXaBf79egoGe2yai5QqPBOho2RRetjxfGOU65zS6xC2LrSObZSvxda0xGPV9hxBa7H5DazHuXe3uAZLHWTROjgnFz8BRhlTmNxde-wXZm9mxyXKBCXVytd1mM1Lx4Bd4wnT8PrfEnLbial2HxxVFGTXk_RVwLZumxY-6qnifsBImXAOuCN3Rea095p2etGh-hyS14hsOqy6JGxocd7U6SdQxzaq_y02iRGIBsgF-RJaonBKYPVi4c8z1xcc55p2QaUnThhlyQjx3JuGVIap4oPK2gLxwQxK4YPzMP3H2Y7II8xneD86XP_YeZHeq6Ivm-qlDY403qL5dobnPxdPVR79My0IUO_3H1-lwLBzULeJpLJYyT2U3n2yHpPeduIlJ7mGpXRoeSkM4Z8QtpkuPB-Vl5c2qbZXRvTAJPkpjIva2_YswFF9G_36-STbCVmDALr7Hk8fWezysgf5_mjmfI9mMI8Mm_yk5Aw_mCOkdZ2D46zH9fscDRfqwS5-EN53_WOVQEcq0Zp23TjDmUTSKYKy_Ly9bbjJUwlC2QJA2V3a45XAm_eLen2Kq-pM60YL4PVEl5am7UlZJ1mVS7scKncI35SCuLQV0EHjwzj5tTwMSopA7EUM5yUnuZlkveBqg024gAWiuKQM4gDsuKe8s6CNkjhXuZmh2AWyc0MqhGhJiwcGLd1G4smF7avapaxO6i54uw3rNoIJxFJcJxEDVRQzQru2dH6hW7Efz8HwM57E7Q2VUiIcCFJjBiOPFIv6Dc4QULAQ-kjMyxnMEdwEhHQY7XGfqNh5sn0PtLKN08-BYGOB-EAPFG-4RcKnJTz2gSB6SBv4_CW7Rvj1chGBQhOheiTR4_SMqqGO-jRS9L1x4UsOLulAqXkX61pkfmH062fgl6kR6GBW_o0Ca1YOSHjkyLAeDpuj3cdp6QhdmKC-eGANlsRMAhZLKE9t4ZI2eQzBZvKtSVuXCmiYkGUid4BbUYI07WhETwfc3Vi7eSukjWzgQ5LdaqV7E6VlY9gqnQDBZeDMZ4-42z-HuEugJkuuPX5VCsTF5407Mx1B3Hp2n5pR-28bZwMRVkGxH-zkPDtRyDJEAs7-6tVjLu9kK-Xw9fqbWoDFRzBg4fSN0fiN966RT7tMmAcBs7ULVdDhImVErYMCk7LIwidUBeI1MK5NVT_Ao2tO8naBB-Idix9i8OLNYTPumqlIba37XsPsrl9YTqlwn2mMll0BR0M5eQowXQVrlDkB0l0a0ebLg8D5y52AsxAcze38UTF2x9-i7tBkqIzZRgIhtCKmiQg677O55aHXXTawkLkyFJRsQQpLlXjKz1rDT09n1o3_DuQsFjEL0bTdFBKyAZ6ScOib24N4nkaODChhPZNhjczja8N4pKXOwY4KsQoEF2qKiCG44TtkUmMnEHCxlVoC8hzq4ZTcfztEp4n4CdtK7J-aBclVxPXI_W5FGJaa0wWcH97FNzdzCveHLZbF7elhufy7Kwk-zExl4Ev_d1BDHdo6aP5hIe9Dj_QeWQhKgNXc', 1795747610, 1795747611, 1795747617);
INSERT INTO public.signing_key VALUES ('stm83lNsjH4e17hA7g_I9pSMJ1t0moNG5WWuP-oyGI8', 'PS256', '_wwJ0klxu8OEBGukgAubye3BnSAionbp7qHM1WPN9gkcTRR717ruj7gNe5S0WK8pULprErECpNl0BDbITQrNKyxXQgvTqGnNHvH9BnVTu-XkSLHtZAFOu64t7Dk2iMxSgoS-djloERqxXxLxCZanUxwaiOrjS6Iz_gUuPINNTSC6imC0ynDzv4FyTmVplA65lU9_jtnCHk3-3grmS9HjCjFlq7wPejRLntNKN1mvDNKIj9DZr3qTYgCxDlNMpbhVB7u2LiSFAdfGzBnm8oPvzbjerptDYDH4SAxifEjUNG66wfeyCf1JG-QnV0MWCYOkX3VjxpHpTR3pHEe5FavPQNQToBYheKQqbs8_q3IoCxtg24_tBceplgzFb4IK5F6KVGVf6NxLnTZls876WWzjeM7Um2_lEPoRAm9d9EwLLAd0ciZIpg-PzdgbcjVku4y9rOCNoeueJe6ClAxKz8Q2KQqgmm0eaB9F2zBj4hT80k3ta2sf4wsivmC3vHBY0TwX3ll_QZeiL5NIl88M8aReiWJMh2eCONm_HsSNM4J0H_mwls7xZgNhsr8A9Ak_dcK8_ArTyYLz-F_RHy1UMn-0GeVQ2ozlt1yl9dhyFU5jPC3TTQtpAFRCVZam7bVtCmce-6p09urQa5DcKSnI-eVRxn0FYFlOXGt_WuTwYrNBRlgxC7RMca5waaxPSAgphvKXQo8-tf1jXiPUlQ6JTVWWb95KCd2bbpCR-JLag4sQzx6Dz-rQUD1CNZIwBiXb3N8PNyX9mNAs-a4na7EWjFYbjTSA0OPZ-zfKCtKWU-Ry09x0SGxd_zjFEelSEdnYYC5_rRFKgRVngJCewGBbtFZmsL3thk45YHIAypyVKxCEZIn1YbhFfvkgvjc4su77y95QbLX9N_48keb6zmqd0zwDdXErz2vO5yPPKJMj93FNoeMwCEsNXXjzE3rnOKzfytPNuSfrb-VugVlrotkqKiM6KUYL0WqwWL22ZGhFqhaQS0Zv--evUgQmYwMbD-CNymiZ_hU7BlZB7MeMUBsErt5L2bpd7ZlrEP1o9wrOhDw0Cnl99ZOpdXE-vXAX5_wlnNKL3E3r3ut6OBzDRaYNYjwGyf6B3HM-CyOG-VEDlWqOXJxN2CeSShkvmgeTYQYD5UTAtC2FNlb4QfqTpZyZGxu2Bu4NnwcRC16bS35SSlXbmP7y_ta53ID6eo7W25IA31kH_HeBd2qlBbwzeVdGUyBamyBVvPgp5oSqK_ejgUvvrDpLWqe8xx7sVk0AOhwmGIgI3xeiuFxIi1OC-g9uAyU6pRORVaNnhnQxZ5dnzQBZ3-UVOM-vGejpmoaqlzhc0j-c2n7gbFzCvCj-3ByBj7MtPmChTofZC45Ds_A8RnH4gBuIDN76HpR98zVecDwoEcOW3Aev7JVYk1kMcy3ZWmVqmEdjXGX5CIO_6QhXhZBS4SsH2goLWwnVL_vyHS1M8M1HDk_VB5UdSU3pDQdNlLLgWG6DP5N7FFYQtpP7Xo2E5c_i46wBcronasEeX75TmpVAN1s41NL3DdcB0O_rK6Vb1vpzVTWxgb2-pOtuY9ixt7e8dPe3vkKMNRmE337Js-u7VyyAXsik5D5DMQnoNjjxCL9snw2WwofYvhSxcKOquXQKBIyJu1eqjwQRi8YG', 1795747619, 1795834019, NULL);
INSERT INTO public.used_assertion VALUES ('DSRWRqpb_DV-uiM8v4BiUhEL8pH_arxLRRQELbQrfto', 1795747941);
ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_pkey PRIMARY KEY (client_id, resource);
ALTER TABLE ONLY public.client
    ADD CONSTRAINT client_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.client_secret
    ADD CONSTRAINT client_secret_pkey PRIMARY KEY (secret_id);
ALTER TABLE ONLY public.client_trust
    ADD CONSTRAINT client_trust_pkey PRIMARY KEY (trust_id);
ALTER TABLE ONLY public.client_use
    ADD CONSTRAINT client_use_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.event_head
    ADD CONSTRAINT event_head_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.longest_lifetime
    ADD CONSTRAINT longest_lifetime_pkey PRIMARY KEY (one);
ALTER TABLE ONLY public.refusal
    ADD CONSTRAINT refusal_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (resource);
ALTER TABLE ONLY public.resource_scope
    ADD CONSTRAINT resource_scope_pkey PRIMARY KEY (resource, scope);
ALTER TABLE ONLY public.revoked_client
    ADD CONSTRAINT revoked_client_pkey PRIMARY KEY (client_id);
ALTER TABLE ONLY public.revoked_token
    ADD CONSTRAINT revoked_token_pkey PRIMARY KEY (jti);
ALTER TABLE ONLY public.sealed_key
    ADD CONSTRAINT sealed_key_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.secret_use
    ADD CONSTRAINT secret_use_pkey PRIMARY KEY (secret_id);
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (kid);
ALTER TABLE ONLY public.used_assertion
    ADD CONSTRAINT used_assertion_pkey PRIMARY KEY (assertion);
CREATE INDEX client_grant_resource ON public.client_grant USING btree (resource);
CREATE INDEX client_secret_client_id ON public.client_secret USING btree (client_id);
CREATE INDEX client_trust_client_id ON public.client_trust USING btree (client_id);
CREATE INDEX refusal_at ON public.refusal USING btree (at);
CREATE INDEX revoked_token_expires_at ON public.revoked_token USING btree (expires_at);
CREATE INDEX used_assertion_expires_at ON public.used_assertion USING btree (expires_at);
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_grant
    ADD CONSTRAINT client_grant_resource_fkey FOREIGN KEY (resource) REFERENCES public.resource(resource) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_secret
    ADD CONSTRAINT client_secret_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_trust
    ADD CONSTRAINT client_trust_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.client_use
    ADD CONSTRAINT client_use_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.client(client_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.resource_scope
    ADD CONSTRAINT resource_scope_resource_fkey FOREIGN KEY (resource) REFERENCES public.resource(resource) ON DELETE CASCADE;
ALTER TABLE ONLY public.secret_use
    ADD CONSTRAINT secret_use_secret_id_fkey FOREIGN KEY (secret_id) REFERENCES public.client_secret(secret_id) ON DELETE CASCADE;
