import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";

/** What the provider says of an account, beside its subject. */
export type Claims = Readonly<Record<string, unknown>>;

/** An issuer of OpenID Connect in this process, where whoever comes signs in without being asked. */
export interface TestIdentityProvider {
  readonly issuer: string;
  /** What it says of each account. */
  readonly accounts: Map<string, Claims>;
  /** The account that signs in next. */
  subject: string;
  /** Whether the user refuses. */
  refuses: boolean;
  close(): Promise<void>;
}

export const clientId = "slipway";
export const clientSecret = "a-secret-of-the-client-that-is-long";

/** Starts a provider on a free port, which knows one client with a callback for each of these ids. */
export async function startIdentityProvider(ids: readonly string[]): Promise<TestIdentityProvider> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const idp: TestIdentityProvider = {
    issuer,
    accounts: new Map(),
    subject: "",
    refuses: false,
    close: () => closeServer(server),
  };
  const provider = await createProvider(idp, ids);
  const callback = provider.callback();
  server.on("request", (req: IncomingMessage, res: ServerResponse) => {
    if (req.url?.startsWith("/interaction/")) void answerInteraction(provider, idp, req, res);
    else void callback(req, res);
  });
  return idp;
}

async function createProvider(idp: TestIdentityProvider, ids: readonly string[]): Promise<Provider> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return new Provider(idp.issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        // Of a native client any port of the loopback is taken.
        application_type: "native",
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: ids.map((id) => `http://127.0.0.1/auth/${id}/callback`),
      },
    ],
    claims: {
      openid: ["sub"],
      profile: ["name", "nickname", "preferred_username", "picture", "groups"],
      email: ["email", "email_verified", "xms_edov"],
    },
    cookies: { keys: ["a key for tests"] },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" }] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...idp.accounts.get(sub) }) }),
  });
}

async function answerInteraction(
  provider: Provider,
  idp: TestIdentityProvider,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { params, prompt, grantId } = await provider.interactionDetails(req, res);
  if (idp.refuses) {
    const error = { error: "access_denied", error_description: "<b>the user said no</b>" };
    return await provider.interactionFinished(req, res, error);
  }
  const login = { accountId: idp.subject };
  if (prompt.name === "login") return await provider.interactionFinished(req, res, { login });
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant = known ?? new provider.Grant({ accountId: idp.subject, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope));
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
}

/** Closes a server and all of its connections. */
export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
