import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../../../../src/auth/secrets.js";
import type { GithubEndpoints } from "../../../../src/providers.js";
import { clientId, clientSecret, closeServer } from "./identity-provider.js";

/** GitHub's endpoints in this process, as far as signing in needs them. */
export interface TestGithub {
  readonly endpoints: GithubEndpoints;
  user: Record<string, unknown>;
  emails: unknown[];
  close(): Promise<void>;
}

const accessToken = "gho_for-a-test";

/** Starts it on a free port. */
export async function startGithub(): Promise<TestGithub> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const github: TestGithub = {
    endpoints: {
      authorization: `${base}/login/oauth/authorize`,
      token: `${base}/login/oauth/access_token`,
      user: `${base}/user`,
      emails: `${base}/user/emails`,
    },
    user: {},
    emails: [],
    close: () => closeServer(server),
  };
  /** PKCE challenges by code. */
  const codes = new Map<string, string>();
  server.on("request", (req: IncomingMessage, res: ServerResponse) => {
    void answer(github, codes, new URL(req.url ?? "", base), req, res);
  });
  return github;
}

async function answer(
  github: TestGithub,
  codes: Map<string, string>,
  url: URL,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const json = (status: number, body: unknown) =>
    res.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
  const isAllowed = req.headers.authorization?.toLowerCase() === `bearer ${accessToken}`;
  switch (url.pathname) {
    case "/login/oauth/authorize": {
      const code = `code-${codes.size}`;
      codes.set(code, url.searchParams.get("code_challenge") ?? "");
      const state = url.searchParams.get("state") ?? "";
      const back = `${url.searchParams.get("redirect_uri")}?${new URLSearchParams({ code, state })}`;
      return void res.writeHead(302, { location: back }).end();
    }
    case "/login/oauth/access_token": {
      const given = new URLSearchParams(await bodyOf(req));
      const challenge = codes.get(given.get("code") ?? "");
      codes.delete(given.get("code") ?? "");
      const isClient = given.get("client_id") === clientId && given.get("client_secret") === clientSecret;
      const isProved = challenge !== undefined && digestOf(given.get("code_verifier") ?? "") === challenge;
      // GitHub reports errors with status 200.
      if (!isClient || !isProved) return void json(200, { error: "bad_verification_code" });
      return void json(200, { access_token: accessToken, token_type: "bearer", scope: "read:user,user:email" });
    }
    case "/user":
      return void json(isAllowed ? 200 : 401, isAllowed ? github.user : {});
    case "/user/emails":
      return void json(isAllowed ? 200 : 401, isAllowed ? github.emails : {});
    default:
      return void json(404, {});
  }
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
