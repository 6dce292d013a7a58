// The identity provider of npm `oidc-provider`, on one port of this machine, with one client.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The libraries are in a folder of the build, not next to this file.
const require = createRequire(`${process.env.LIBRARIES}/`)
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))

const [port, clientId, secret, redirectUri, place] = process.argv.slice(2)

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: clientId, client_secret: secret, redirect_uris: [redirectUri] }],
  cookies: { keys: ['of a test'] },
  // The claims of a scope are in the ID token, or at the UserInfo endpoint alone, as by default.
  conformIdTokenClaims: place !== 'id_token',
  claims: { openid: ['sub'], groups: ['groups'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, groups: id === 'ana' ? ['platform', 'staff'] : ['staff'] })
  })
})

provider.listen(Number(port), () => console.log('listening'))
