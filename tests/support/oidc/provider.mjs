// An OIDC provider for tests: client credentials of the network's processes, and the code flow of people.
//   node provider.mjs PORT KEYS [CONSOLE]   (KEYS: a file with the private JWKS, the first key signs; CONSOLE: its URL)
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Provider } = await import(createRequire(process.cwd() + "/").resolve("oidc-provider"));
const [port, keys, consoleUrl = "http://console.test"] = process.argv.slice(2);
const processes = ["intake-api", "referral-api", "referral-worker", "capacity-api", "console"];
const resource = "urn:joldama:api";

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: JSON.parse(readFileSync(keys, "utf8")),
  clients: [
    ...processes.map((id) => ({
      client_id: id, client_secret: `secret:of+${id}`, grant_types: ["client_credentials"],
      redirect_uris: [], response_types: [],
    })),
    {
      client_id: "portal", client_secret: "secret-of-portal", grant_types: ["authorization_code"],
      redirect_uris: ["https://portal.test/back"], response_types: ["code"],
    },
    {
      client_id: "console-pages", client_secret: "secret-of-pages", grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [`${consoleUrl}/sign-in/back`], post_logout_redirect_uris: [`${consoleUrl}/`], response_types: ["code"],
    },
  ],
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  cookies: { keys: ["of-a-test"] },
  pkce: { required: (_, client) => client.clientId === "console-pages" },
  ttl: { ClientCredentials: 20, AccessToken: 600, Session: 600, Grant: 600, Interaction: 600, IdToken: 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "use", audience: "joldama", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  // a person's account is named role:organization, role,role:organization, or role:organization+role:organization
  extraTokenClaims: (_, token) => {
    if (token.kind === "ClientCredentials") return { roles: [token.clientId] };
    if (token.accountId.includes("+")) return { acts_as: token.accountId.split("+").map((one) => one.replace(/:$/, "").replace(":", "/")) };
    const [roles, org] = token.accountId.split(":");
    return { roles: roles.split(","), org };
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(Number(port), "127.0.0.1");
