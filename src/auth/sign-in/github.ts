import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  fetchProtectedResource,
} from "openid-client";
import type { ProviderSettings } from "../../providers.js";
import { isRecord } from "../../record.js";
import { accountOfGithub } from "./account.js";
import { boundedFetch } from "./bounded-fetch.js";
import { away } from "./failure.js";
import type { Provider } from "./identity-provider.js";
import { requestSeconds } from "./oidc.js";

/** GitHub: OAuth 2.0 with an API that says who signed in. */
export function githubProvider(settings: ProviderSettings): Provider {
  const config = configure(settings);
  const { endpoints } = settings;
  return {
    async begin({ state, verifier }, redirectUri) {
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(" "),
        state,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return url.href;
    },
    async finish({ state, verifier }, answer) {
      const checks = { expectedState: state, pkceCodeVerifier: verifier };
      const { access_token } = await authorizationCodeGrant(config, answer, checks);
      const [user, emails] = await Promise.all([
        ask(endpoints.user, access_token),
        ask(endpoints.emails, access_token),
      ]);
      if (!isRecord(user) || !Array.isArray(emails)) throw away(settings.name);
      return accountOfGithub(user, emails);
    },
  };

  async function ask(url: string, accessToken: string): Promise<unknown> {
    const headers = new Headers({ accept: "application/vnd.github+json", "user-agent": "slipway" });
    const response = await fetchProtectedResource(config, accessToken, new URL(url), "GET", undefined, headers);
    if (response.ok) return await response.json();
    await response.body?.cancel();
    throw away(settings.name);
  }
}

function configure({ endpoints, clientId, clientSecret }: ProviderSettings): Configuration {
  const { authorization, token } = endpoints;
  const server = {
    // What GitHub calls itself where it names an issuer at all.
    issuer: authorization.replace(/\/authorize$/, ""),
    authorization_endpoint: authorization,
    token_endpoint: token,
  };
  const config = new Configuration(server, clientId, undefined, ClientSecretPost(clientSecret));
  config.timeout = requestSeconds;
  config[customFetch] = boundedFetch;
  if (Object.values(endpoints).some((url) => url.startsWith("http:"))) allowInsecureRequests(config);
  return config;
}
