// Gets a token with each Node library and verifies it with jose, knowing only the issuer.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The libraries are in a folder of the build, not next to this file.
const require = createRequire(`${process.env.LIBRARIES}/`)
const load = name => import(pathToFileURL(require.resolve(name)))
const oidc = await load('openid-client')
const oauth = await load('oauth4webapi')
const jose = await load('jose')

const [issuer, clientId, secret, audience] = process.argv.slice(2)
const scope = 'orders:read'

async function check (name, answer) {
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
  const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri))
  const { payload } = await jose.jwtVerify(answer.access_token, keys, {
    issuer, audience, typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id']
  })
  assert.equal(payload.sub, clientId)
  assert.equal(payload.scope, scope)
  assert.equal(payload.exp - payload.iat, answer.expires_in)
  console.log('ok', name)
}

for (const algorithm of ['oidc', 'oauth2']) {
  for (const authentication of [oidc.ClientSecretBasic, oidc.ClientSecretPost]) {
    const server = await oidc.discovery(new URL(issuer), clientId, undefined, authentication(secret), {
      algorithm, execute: [oidc.allowInsecureRequests]
    })
    const answer = await oidc.clientCredentialsGrant(server, { scope })
    await check(`openid-client ${algorithm} ${authentication.name}`, answer)
  }
}

const insecure = { [oauth.allowInsecureRequests]: true }
const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(new URL(issuer), found)
for (const authentication of [oauth.ClientSecretBasic, oauth.ClientSecretPost]) {
  const client = { client_id: clientId }
  const response = await oauth.clientCredentialsGrantRequest(
    server, client, authentication(secret), new URLSearchParams({ scope, resource: audience }), insecure)
  const answer = await oauth.processClientCredentialsResponse(server, client, response)
  await check(`oauth4webapi ${authentication.name}`, answer)
}

// The script of seed 002, with its two scopes cut to one.
const basic = Buffer.from(`${clientId}:${secret}`).toString('base64')
const response = await fetch(`${issuer}/token`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${basic}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', scope }).toString()
})
await check('fetch', await response.json())

// A wrong secret: what the user of a library sees names the request, so that the operator can explain it.
function checkChallenge (name, error) {
  const [{ scheme, parameters }] = error.cause
  assert.equal(scheme, 'basic')
  assert.equal(parameters.error, 'invalid_client')
  assert.match(parameters.error_description, /request id req_\w+/)
  console.log('ok', name)
}

for (const authentication of [oidc.ClientSecretBasic, oidc.ClientSecretPost]) {
  const config = await oidc.discovery(new URL(issuer), clientId, undefined, authentication('wrong'), {
    execute: [oidc.allowInsecureRequests]
  })
  const error = await oidc.clientCredentialsGrant(config, { scope }).catch(error => error)
  checkChallenge(`openid-client challenge ${authentication.name}`, error)
}
const refused = await oauth.clientCredentialsGrantRequest(
  server, { client_id: clientId }, oauth.ClientSecretBasic('wrong'), new URLSearchParams({ scope }), insecure)
const error = await oauth.processClientCredentialsResponse(server, { client_id: clientId }, refused).catch(error => error)
checkChallenge('oauth4webapi challenge', error)
