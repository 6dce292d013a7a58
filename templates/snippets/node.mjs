// npm install openid-client
import * as oidc from 'openid-client'

@LOCAL@const options = { execute: [oidc.allowInsecureRequests] } // for plain HTTP on this machine only
@PUBLIC@const options = {}
const server = await oidc.discovery(new URL(@ISSUER@), @CLIENT_ID@,
  process.env.CLIENT_SECRET, undefined, options)

let token, renewAt = 0, pending
// The same token until it has lived for 80 % of its time.
const accessToken = () => Date.now() < renewAt ? token : (pending ??= oidc
  .clientCredentialsGrant(server, { resource: @RESOURCE@, scope: @SCOPE@ })
  .then(t => { renewAt = Date.now() + t.expires_in * 800; token = t.access_token; return token })
  .finally(() => { pending = undefined }))

console.log(await accessToken())
