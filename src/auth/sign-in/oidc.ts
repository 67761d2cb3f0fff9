import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  fetchUserInfo,
} from "openid-client";
import { pause } from "../../pause.js";
import type { ProviderSettings } from "../../providers.js";
import { accountOfClaims } from "./account.js";
import { boundedFetch } from "./bounded-fetch.js";
import { away } from "./failure.js";
import type { Provider } from "./identity-provider.js";

/** How long each request to a provider may take. */
export const requestSeconds = 10;
/** Discovery is tried so often, so long each: a user waits for it. */
const discoveryTries = 3;
const discoverySeconds = 3;
const retryPauseMs = 200;
/** What a provider says of itself is asked for again after so long. */
const metadataMs = 3_600_000;
const toleratedSeconds = 30;

/** An issuer of OpenID Connect; it is not asked for anything before the first sign-in. */
export function oidcProvider(settings: ProviderSettings, clock: () => Date): Provider {
  const configuration = lazily(() => discover(settings), clock);
  return {
    async begin({ state, nonce, verifier }, redirectUri) {
      const url = buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(" "),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return url.href;
    },
    async finish({ state, nonce, verifier }, answer) {
      const config = await configuration();
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
      const tokens = await authorizationCodeGrant(config, answer, checks);
      const claims = tokens.claims();
      if (claims === undefined) throw away(settings.name);
      const { userinfo_endpoint } = config.serverMetadata();
      const more = userinfo_endpoint === undefined ? {} : await fetchUserInfo(config, tokens.access_token, claims.sub);
      return accountOfClaims(claims, settings.groupsClaim, more);
    },
  };
}

async function discover({ name, issuer, clientId, clientSecret }: ProviderSettings): Promise<Configuration> {
  const server = new URL(issuer);
  const metadata = { client_secret: clientSecret, [clockTolerance]: toleratedSeconds };
  const execute = server.protocol === "http:" ? [allowInsecureRequests] : [];
  for (let tries = 1; ; tries += 1) {
    try {
      const options = { execute, timeout: discoverySeconds, [customFetch]: boundedFetch };
      const config = await discovery(server, clientId, metadata, authBy(clientSecret), options);
      config.timeout = requestSeconds;
      return config;
    } catch (error) {
      if (tries === discoveryTries) throw away(name, error);
      await pause(retryPauseMs * tries);
    }
  }
}

/** The secret as the provider takes it; in the header where it does not say. */
function authBy(secret: string): ClientAuth {
  const post = ClientSecretPost(secret);
  const basic = ClientSecretBasic(secret);
  return (server, ...rest) => {
    const takesPost = server.token_endpoint_auth_methods_supported?.includes("client_secret_post") === true;
    return (takesPost ? post : basic)(server, ...rest);
  };
}

/** Reads a value when it is first asked for, and again once it is old; an old one is better than none. */
function lazily<T>(read: () => Promise<T>, clock: () => Date): () => Promise<T> {
  let known: { readonly value: T; readonly readAt: number } | undefined;
  let reading: Promise<T> | undefined;
  const readOnce = (): Promise<T> => {
    reading ??= read()
      .then((value) => {
        known = { value, readAt: clock().getTime() };
        return value;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  return async () => {
    if (known === undefined) return await readOnce();
    const { value, readAt } = known;
    return clock().getTime() - readAt < metadataMs ? value : await readOnce().catch(() => value);
  };
}
