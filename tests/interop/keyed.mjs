// Gets a token with a private key by each Node library, and one bound to a key by DPoP.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The libraries are in a folder of the build, not next to this file.
const require = createRequire(`${process.env.LIBRARIES}/`)
const load = name => import(pathToFileURL(require.resolve(name)))
const oidc = await load('openid-client')
const oauth = await load('oauth4webapi')
const jose = await load('jose')

const [issuer, clientId, file, resource] = process.argv.slice(2)
const jwk = JSON.parse(readFileSync(file, 'utf8'))
const key = { key: await jose.importJWK(jwk), kid: jwk.kid }

async function check (name, answer, type, thumbprint) {
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
  const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri))
  const { payload } = await jose.jwtVerify(answer.access_token, keys, {
    issuer, audience: resource, typ: 'at+jwt', requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id']
  })
  assert.equal(payload.client_id, clientId)
  assert.equal(answer.token_type.toLowerCase(), type)
  assert.equal(payload.cnf?.jkt, thumbprint)
  console.log('ok', name)
}

const config = await oidc.discovery(new URL(issuer), clientId, undefined, oidc.PrivateKeyJwt(key), {
  execute: [oidc.allowInsecureRequests]
})
await check('openid-client PrivateKeyJwt', await oidc.clientCredentialsGrant(config, { resource }), 'bearer')

const insecure = { [oauth.allowInsecureRequests]: true }
const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure })
const server = await oauth.processDiscoveryResponse(new URL(issuer), found)
const client = { client_id: clientId }
const response = await oauth.clientCredentialsGrantRequest(
  server, client, oauth.PrivateKeyJwt(key), new URLSearchParams({ resource }), insecure)
const answer = await oauth.processClientCredentialsResponse(server, client, response)
await check('oauth4webapi PrivateKeyJwt', answer, 'bearer')

for (const algorithm of ['ES256', 'Ed25519']) {
  const pair = await oidc.randomDPoPKeyPair(algorithm)
  const DPoP = oidc.getDPoPHandle(config, pair)
  const thumbprint = await jose.calculateJwkThumbprint(await jose.exportJWK(pair.publicKey))
  const bound = await oidc.clientCredentialsGrant(config, { resource }, { DPoP })
  await check(`openid-client PrivateKeyJwt DPoP ${algorithm}`, bound, 'dpop', thumbprint)
}
