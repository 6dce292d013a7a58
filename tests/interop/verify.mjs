// Verifies tokens with jose, knowing only the issuer: a line of input is LABEL<TAB>TOKEN.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The libraries are in a folder of the build, not next to this file.
const require = createRequire(`${process.env.LIBRARIES}/`)
const jose = await import(pathToFileURL(require.resolve('jose')))

const [issuer, audience] = process.argv.slice(2)
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri))
const expected = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'] }

for (const line of readFileSync(0, 'utf8').split('\n').filter(line => line.trim())) {
  const [label, token] = line.trimEnd().split('\t')
  try {
    await jose.jwtVerify(token, keys, expected)
  } catch (error) {
    console.error(`${label}: ${error}`)
    process.exit(1)
  }
  console.log('ok', label)
}
