import { afterEach } from "vitest";
import { openRegistry, type RegistryOptions } from "../../../src/registry/open-registry.js";
import type { Registry, RegistryCredentials } from "../../../src/registry/registry.js";
import { type FakeServer, type Handler, startServer } from "./server.js";

/** What `found` answers. */
export const digest = `sha256:${"ab".repeat(32)}`;
export const password = "hunter2-password";

const servers: FakeServer[] = [];
afterEach(async () => {
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Starts a server that stops with the test. */
export async function start(handler: Handler, tls?: { cert: string; key: string }): Promise<FakeServer> {
  const server = await startServer(handler, tls);
  servers.push(server);
  return server;
}

/** A client that asks this server for everything. */
export function clientOf(server: FakeServer, options: Partial<RegistryOptions> = {}): Registry {
  return openRegistry({ addresses: "public", mirrors: new Map([["*", server.url]]), ...options });
}

export function resolve(client: Registry, image: string, credentials?: RegistryCredentials) {
  return client.resolveImage(image, credentials, new AbortController().signal);
}

export const credentials = (server: string): RegistryCredentials => ({ server, username: "ada", password });

export const found: Handler = (_, response) => {
  response.setHeader("docker-content-digest", digest);
  response.end();
};

/** Answers with that status, and a body that must show nowhere. */
export const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end(`a body with ${password}`);
  };
