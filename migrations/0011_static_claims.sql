-- Static claims: a JSON object of names and values that tokens carry; NULL for none.

-- The claims of each token of the client.
ALTER TABLE client ADD COLUMN claims TEXT;

-- The claims of each token of the grant. They replace those of the client by name.
ALTER TABLE client_grant ADD COLUMN claims TEXT;
