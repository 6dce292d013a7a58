-- What released software needs that does not follow the RFCs.

-- URLs that the client may send as the audience of its assertions in addition to the issuer,
-- separated by spaces; NULL for none.
ALTER TABLE client ADD COLUMN assertion_audiences TEXT;

-- The `typ` of the resource's tokens; NULL for at+jwt (RFC 9068).
ALTER TABLE resource ADD COLUMN token_typ TEXT;
