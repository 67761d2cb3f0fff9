import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuthService } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { digestOf } from "../../../../src/auth/secrets.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Browser, newBrowser } from "./browser.js";
import { startGithub, type TestGithub } from "./github.js";
import { clientId, clientSecret, startIdentityProvider, type TestIdentityProvider } from "./identity-provider.js";

/** Where a client waits on the loopback; nobody needs to listen there. */
export const loopback = "http://127.0.0.1:49152/callback";
/** The verifier of the clients of these tests. */
export const verifier = "a-verifier-of-a-client-that-is-long-enough-for-pkce";
export const codeChallenge = digestOf(verifier);

/** A platform with identity providers: google, azure and oidc are the same issuer, gone is one that is away. */
export interface SignInSite {
  readonly platform: TestPlatform;
  readonly idp: TestIdentityProvider;
  readonly github: TestGithub;
  readonly auth: ReturnType<typeof authClient>;
  /** Signs in by /auth/{provider} as that account; answers the URL on the loopback. */
  signIn(provider: string, subject: string, browser?: Browser): Promise<URL>;
  /** The token of such a sign-in. */
  tokenOf(provider: string, subject: string): Promise<string>;
  /** Signs in by StartLogin as that account; answers the URL on the loopback. */
  startLogin(provider: string, subject: string, state?: string): Promise<URL>;
  /** The first answer of ExchangeToken in a new session of that account. */
  newSession(subject: string): Promise<{ readonly accessToken: string; readonly refreshToken: string }>;
  close(): Promise<void>;
}

const authClient = (platform: TestPlatform) => platform.client(AuthService);

/** Starts everything; close it at the end of the test file. */
export async function startSite(
  env: Readonly<Record<string, string>> = {},
  options: { readonly background?: boolean } = { background: false },
): Promise<SignInSite> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-providers-"));
  const idp = await startIdentityProvider(["google", "azure", "oidc"]);
  const github = await startGithub();
  await writeFile(join(directory, "secret"), `${clientSecret}\n`);
  const common = { issuer: idp.issuer, clientId, clientSecretFile: join(directory, "secret") };
  const providers = [
    { ...common, id: "google", kind: "google", name: "Google" },
    { ...common, id: "azure", kind: "azure", name: "Entra ID", groupsClaim: "groups" },
    { ...common, id: "oidc", kind: "oidc", name: "Our own", groupsClaim: "groups" },
    { id: "github", kind: "github", name: "GitHub", clientId, clientSecret, endpoints: github.endpoints },
    // Nobody listens on port 1.
    { id: "gone", kind: "oidc", name: "Gone", issuer: "http://127.0.0.1:1", clientId, clientSecret },
  ];
  const file = join(directory, "providers.yaml");
  await writeFile(file, JSON.stringify(providers));
  const redirects = "https://console.example.com,https://app.example.com/signed-in?from=slipway";
  const settings = { SLIPWAY_PROVIDERS_FILE: file, SLIPWAY_REDIRECT_URLS: redirects, ...env };
  const platform = await startPlatform({ ...options, env: settings });
  const auth = authClient(platform);
  const site: SignInSite = {
    platform,
    idp,
    github,
    auth,
    async signIn(provider, subject, browser = newBrowser()) {
      idp.subject = subject;
      return await browser.follow(`${platform.url}/auth/${provider}?redirect-url=${loopback}`, loopback);
    },
    async tokenOf(provider, subject) {
      return (await site.signIn(provider, subject)).searchParams.get("token") ?? "";
    },
    async startLogin(provider, subject, state = "") {
      idp.subject = subject;
      const login = await auth.startLogin({ provider, redirectUrl: loopback, codeChallenge, state });
      return await newBrowser().follow(login.authorizationUrl, loopback);
    },
    async newSession(subject) {
      const code = (await site.startLogin("oidc", subject)).searchParams.get("code") ?? "";
      return await auth.exchangeToken({
        grant: { case: "authorizationCode", value: { code, codeVerifier: verifier } },
      });
    },
    async close() {
      await platform.close();
      await idp.close();
      await github.close();
      await rm(directory, { recursive: true });
    },
  };
  return site;
}
