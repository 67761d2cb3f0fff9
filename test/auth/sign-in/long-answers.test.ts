import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { oidcProvider } from "../../../src/auth/sign-in/oidc.js";
import { clientId, clientSecret, closeServer } from "./support/identity-provider.js";

const server = createServer();
afterEach(() => closeServer(server));

it("an answer of a provider that is longer than any should be is not read to its end", async () => {
  let padding = 0;
  server.on("request", (_, res) => {
    const authorization_endpoint = `${issuer}/auth`;
    const body = { issuer, authorization_endpoint, token_endpoint: issuer, padding: "x".repeat(padding) };
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const info = { id: "long", kind: "oidc", name: "Long", issuer } as const;
  const endpoints = { authorization: "", token: "", user: "", emails: "" };
  const settings = { ...info, clientId, clientSecret, scopes: ["openid"], groupsClaim: undefined, endpoints };
  const begin = () =>
    oidcProvider(settings, () => new Date()).begin({ state: "s", nonce: "n", verifier: "v" }, "http://127.0.0.1/");
  expect(await begin()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/auth\?/);
  padding = 2 * 1_048_576;
  await expect(begin()).rejects.toThrow("Long does not sign anybody in now");
});
