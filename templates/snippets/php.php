<?php
$form = http_build_query([
    'grant_type' => 'client_credentials',
    'client_id' => @CLIENT_ID@,
    'client_secret' => getenv('CLIENT_SECRET'),
    'resource' => @RESOURCE@,
    'scope' => @SCOPE@,
]);
$options = ['http' => [
    'method' => 'POST',
    'header' => 'Content-Type: application/x-www-form-urlencoded',
    'content' => $form,
    'ignore_errors' => true,
]];
$answer = json_decode(file_get_contents(@TOKEN_URL@, false, stream_context_create($options)), true);
// Use it until it expires: expires_in is its lifetime in seconds.
echo $answer['access_token'] ?? $answer['error_description'], PHP_EOL;
