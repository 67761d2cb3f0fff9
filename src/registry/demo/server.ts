import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { demoIndex, demoManifest, demoTags, isPrivate } from "./catalogue.js";

/** A registry for those who have none at hand. */
export interface DemoRegistry {
  /** As in `http://127.0.0.1:40000`. */
  readonly url: string;
  close(): Promise<void>;
}

const username = "demo";
const password = "demo";

/**
 * Starts a registry on a free port of the loopback, which stands in for all others: every image is there with a digest
 * that stays, but for names and tags `missing`, and `private`, which take the credentials demo:demo. Every repository of
 * charts has those that the embedded Kubernetes plays. Nothing can be pulled from it or pushed to it.
 */
export function startDemoRegistry(): Promise<DemoRegistry> {
  // Tokens of this process alone.
  const token = randomBytes(24).toString("base64url");
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
    // Nothing that comes in is read.
    request.resume();
    answer(request, response, token);
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      resolve({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answer(request: IncomingMessage, response: ServerResponse, token: string): void {
  const { pathname } = new URL(request.url ?? "/", "http://demo");
  if (request.method !== "GET" && request.method !== "HEAD") send(response, 405, {});
  else if (pathname === "/token") sendToken(request, response, token);
  else if (pathname === "/v2/") send(response, 200, {});
  else if (pathname.endsWith("/index.yaml")) send(response, 200, demoIndex(), "application/yaml");
  else sendPart(request, response, pathname, token);
}

/** A manifest or the tags of a repository. */
function sendPart({ headers }: IncomingMessage, response: ServerResponse, pathname: string, token: string): void {
  const [, repository = "", manifest, tags] = /^\/v2\/(.+)\/(?:manifests\/([^/]+)|(tags)\/list)$/.exec(pathname) ?? [];
  const reference = manifest ?? "";
  if (isPrivate(repository, reference) && headers.authorization !== `Bearer ${token}`) {
    const scope = `repository:${repository}:pull`;
    const challenge = `Bearer realm="http://${headers.host}/token",service="demo",scope="${scope}"`;
    response.setHeader("www-authenticate", challenge);
    send(response, 401, {});
    return;
  }
  const list = tags === undefined ? undefined : demoTags(repository);
  const found = manifest === undefined ? undefined : demoManifest(repository, reference);
  if (found !== undefined) {
    response.setHeader("docker-content-digest", found.digest);
    send(response, 200, found.body, found.type);
  } else if (list !== undefined) send(response, 200, { name: repository, tags: list });
  else send(response, 404, {});
}

/** Nobody needs a token for what anybody may see. */
function sendToken({ headers }: IncomingMessage, response: ServerResponse, token: string): void {
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  if (headers.authorization === expected) send(response, 200, { token, expires_in: 300 });
  else send(response, 401, {});
}

function send(response: ServerResponse, status: number, body: unknown, type = "application/json"): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
