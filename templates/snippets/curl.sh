# The credentials go through standard input, so they are not in the list of processes.
printf 'user = "%s:%s"' @ENCODED_ID@ "$CLIENT_SECRET" |
  curl -sS --config - @TOKEN_URL@ \
    --data-urlencode resource=@RESOURCE@ \
    --data-urlencode scope=@SCOPE@ \
    -d grant_type=client_credentials
