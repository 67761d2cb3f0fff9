import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { StoredSession } from "../config-file.js";
import { sessionOf } from "../connection.js";
import { Failure } from "../failure.js";
import type { Session } from "../session.js";

/** How the browser is used. */
export interface BrowserOptions {
  readonly provider: string | undefined;
  readonly opensBrowser: boolean;
}

/** The server gives a sign-in ten minutes. */
const mostWaitMs = 10 * 60_000;

/** Signs in at an identity provider: the browser comes back to a port of this machine with a code, which is traded. */
export async function signInWithBrowser(session: Session, options: BrowserOptions): Promise<StoredSession> {
  const { AuthService } = await import("../../gen/ts/iam/v1/auth_pb.js");
  const client = await session.client(AuthService);
  const provider = await chooseProvider(session, options.provider);
  const codeVerifier = randomBytes(48).toString("base64url");
  const state = randomBytes(24).toString("base64url");
  const back = await listenForReturn(state);
  try {
    const { authorizationUrl } = await client.startLogin({
      provider,
      redirectUrl: back.url,
      codeChallenge: createHash("sha256").update(codeVerifier).digest("base64url"),
      state,
    });
    // Also with --quiet: without the URL nobody can go on.
    process.stderr.write(`Sign in with your browser at:\n\n  ${authorizationUrl}\n\n`);
    if (options.opensBrowser) await openBrowser(session, authorizationUrl);
    const code = await back.code();
    const grant = { case: "authorizationCode", value: { code, codeVerifier } } as const;
    return sessionOf(await client.exchangeToken({ grant }));
  } finally {
    back.close();
  }
}

async function chooseProvider(session: Session, wanted: string | undefined): Promise<string> {
  const { AuthService } = await import("../../gen/ts/iam/v1/auth_pb.js");
  const info = await (await session.client(AuthService)).getAuthInfo({});
  const ids = info.providers.map(({ id }) => id);
  const withPassword = info.passwordSignIn ? ["Sign in with a password: slipway login --user LOGIN --password"] : [];
  if (wanted !== undefined) {
    if (ids.includes(wanted)) return wanted;
    const there = ids.length === 0 ? "The server has no identity providers." : `There are: ${ids.join(", ")}.`;
    throw new Failure("missing", `the server has no identity provider "${wanted}"`, [there, ...withPassword]);
  }
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  if (only === undefined) {
    const otherwise = "Use an API token: slipway context add NAME --url URL --token-stdin";
    throw new Failure("precondition", "the server has no identity provider", [...withPassword, otherwise]);
  }
  throw new Failure("usage", `the server has ${ids.length} identity providers`, [
    `Choose one with --provider: ${ids.join(", ")}`,
    ...withPassword,
  ]);
}

async function openBrowser(session: Session, url: string): Promise<void> {
  // The URL comes from a server: nothing but web pages is opened.
  if (!/^https?:\/\//.test(url)) return;
  try {
    const { default: open } = await import("open");
    const child = await open(url);
    child.on("error", () => session.note("No browser could be opened: open the URL yourself."));
  } catch {
    session.note("No browser could be opened: open the URL yourself.");
  }
}

interface Return {
  readonly url: string;
  /** Resolves with the code that the browser brings. */
  code(): Promise<string>;
  close(): void;
}

async function listenForReturn(state: string): Promise<Return> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const arrived = arrival(server, state);
  // It may fail before anybody waits for it.
  arrived.catch(() => undefined);
  return {
    url: `http://127.0.0.1:${port}/callback`,
    code: () => arrived,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function arrival(server: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      const minutes = mostWaitMs / 60_000;
      reject(new Failure("timeout", `nobody signed in within ${minutes} minutes`, ["Run slipway login again."]));
    }, mostWaitMs);
    server.once("close", () => clearTimeout(late));
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      if (request.method !== "GET" || url.pathname !== "/callback")
        return void answer(response, 404, "Nothing is here.");
      // Somebody else's answer: the right one may still come.
      if (url.searchParams.get("state") !== state) {
        return void answer(response, 400, "This answer belongs to another sign-in. Run slipway login again.");
      }
      const code = url.searchParams.get("code");
      if (code === null || code === "") {
        const error = url.searchParams.get("error_description") ?? url.searchParams.get("error") ?? "no code came";
        answer(response, 400, "Signing in failed; the terminal says why. This page can be closed.");
        reject(new Failure("unauthenticated", `signing in failed: ${error}`, ["Run slipway login again."]));
      } else {
        answer(response, 200, "You are signed in. This page can be closed.");
        resolve(code);
      }
    });
  });
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    connection: "close",
  });
  const style = "font: 1.1rem system-ui, sans-serif; margin: 20vh auto; max-width: 32rem; text-align: center";
  response.end(
    `<!doctype html><html lang="en"><title>Slipway</title><body style="${style}"><p>${text}</p></body></html>\n`,
  );
}
