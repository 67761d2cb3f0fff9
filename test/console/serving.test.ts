import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VersionService } from "../../gen/ts/api/v1/version_pb.js";
import { consoleServing } from "../../src/console/serving.js";
import type { ProviderInfo } from "../../src/providers.js";
import { startServer, type TestServer } from "../rpc/support/server.js";
import { startPlatform } from "../support/platform.js";

const html = '<script nonce="__CSP_NONCE__"></script><style nonce="__CSP_NONCE__"></style>';
const script = `console.log("${"x".repeat(5_000)}");\n`;
const providers: ProviderInfo[] = [
  { id: "github", kind: "github", name: "GitHub", issuer: "" },
  { id: "own", kind: "oidc", name: "Our own", issuer: "https://id.example.com/realms/a" },
];

let directory: string;
let issuer = "http://127.0.0.1";
let server: TestServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-console-"));
  const folder = join(directory, "console");
  await mkdir(join(folder, "assets", "inner"), { recursive: true });
  await writeFile(join(folder, "index.html"), html);
  await writeFile(join(folder, "assets", "index-Bx3_k9Qa.js"), script);
  await writeFile(join(folder, "assets", "font-Cd4-l0Rb.woff2"), "a font");
  await writeFile(join(folder, "assets", "theme.js"), script);
  await writeFile(join(folder, "assets", ".hidden"), "hidden");
  await writeFile(join(folder, "secret.js"), "outside of assets");
  server = await start(folder);
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

function start(folder: string): Promise<TestServer> {
  const { routes, fallback } = consoleServing({ issuer: () => issuer, signIn: { providers } }, folder);
  return startServer({ httpRoutes: routes, httpFallback: fallback });
}

const browsing = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/** A request whose path is sent to the letter, and whose answer stays as it came. */
async function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  return await new Promise<{ status: number; headers: Record<string, string>; bytes: Buffer }>((resolve, reject) => {
    const req = request({ host: "127.0.0.1", port: server.port, path, headers, method, agent: false }, async (res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk as Buffer);
      const status = res.statusCode ?? 0;
      resolve({ status, headers: res.headers as Record<string, string>, bytes: Buffer.concat(chunks) });
    });
    req.on("error", reject).end();
  });
}

describe("the page", () => {
  it("comes for / and for whatever a browser navigates to", async () => {
    const paths = ["/", "/sign-in?error=x", "/clusters", "/projects/a/b%2Fc", "/authors", "/some/api.v1/page"];
    for (const path of paths) {
      const answer = await get(path, browsing);
      expect([path, answer.status, answer.headers["content-type"]]).toEqual([path, 200, "text/html; charset=utf-8"]);
    }
    expect((await get("/")).status).toBe(200);
  });

  it("has a nonce of its own each time, which is that of its policy", async () => {
    const nonces = new Set<string>();
    for (let times = 0; times < 5; times += 1) {
      const { headers, bytes } = await get("/", browsing);
      const [, nonce = ""] =
        /script-src 'self' 'nonce-([\w+/=]{24})'/.exec(headers["content-security-policy"] ?? "") ?? [];
      expect(bytes.toString()).toBe(html.replaceAll("__CSP_NONCE__", nonce));
      expect(headers["content-security-policy"]).toContain(`style-src 'self' 'nonce-${nonce}';`);
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(5);
  });

  it("may load nothing from elsewhere but pictures of the identity providers", async () => {
    const { headers } = await get("/", browsing);
    const policy = headers["content-security-policy"]?.replaceAll(/'nonce-[^']+'/g, "'nonce'").split("; ");
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self' 'nonce'",
      "style-src 'self' 'nonce'",
      "img-src 'self' data: blob: https://avatars.githubusercontent.com https://id.example.com",
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ]);
    expect(headers).toMatchObject({
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers["permissions-policy"]).toContain("camera=()");
  });

  it("demands https from then on where the public URL has it, and only there", async () => {
    expect((await get("/", browsing)).headers["strict-transport-security"]).toBeUndefined();
    issuer = "https://slipway.example.com";
    expect((await get("/", browsing)).headers["strict-transport-security"]).toBe("max-age=31536000");
    issuer = "http://127.0.0.1";
  });

  it("has the same headers for HEAD, and no body", async () => {
    const answer = await get("/clusters", browsing, "HEAD");
    expect([answer.status, answer.bytes.length]).toEqual([200, 0]);
    expect(Number(answer.headers["content-length"])).toBeGreaterThan(html.length);
  });

  it("is read anew when it was built anew, and says what to do when it was not", async () => {
    const folder = join(directory, "another");
    const other = await start(folder);
    const page = () => fetch(`${other.url}/clusters`, { headers: browsing });
    const missing = await page();
    expect([missing.status, await missing.text()]).toEqual([404, expect.stringContaining("npm run build")]);
    const early = await fetch(`${other.url}/assets/a.js`);
    expect([early.status, early.headers.get("cache-control")]).toEqual([404, "no-store"]);
    await mkdir(join(folder, "assets"), { recursive: true });
    await writeFile(join(folder, "index.html"), "first");
    await writeFile(join(folder, "assets", "a.js"), "1");
    expect(await (await page()).text()).toBe("first");
    expect(await (await fetch(`${other.url}/assets/a.js`)).text()).toBe("1");
    await writeFile(join(folder, "index.html"), "second one");
    await writeFile(join(folder, "assets", "a.js"), "2");
    expect(await (await page()).text()).toBe("second one");
    expect(await (await fetch(`${other.url}/assets/a.js`)).text()).toBe("2");
    await other.close();
  });
});

describe("what the page does not hide", () => {
  it("is what programs ask for, and files and paths of the server that are not there", async () => {
    const json = { accept: "application/json" };
    for (const [path, headers] of [
      ["/clusters", json],
      ["/clusters", { accept: "*/*" }],
      ["/clusters", {}],
      ["/favicon.ico", browsing],
      ["/a/b/app.js", browsing],
      ["/auth", browsing],
      ["/auth/nobody", browsing],
      ["/assets", browsing],
      ["/assets/a/b", browsing],
      ["/.well-known/change-password", browsing],
      ["/api.v1.Nothing/Get", browsing],
      ["/api.v1.Nothing", browsing],
      ["//evil.example.com", browsing],
    ] as const) {
      const answer = await get(path, headers);
      expect([path, answer.status, answer.headers["content-type"]]).toEqual([path, 404, "application/json"]);
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect([method, (await get("/clusters", browsing, method)).status]).toEqual([method, 404]);
    }
    expect((await get("/livez", browsing)).bytes.toString()).toBe("ok\n");
  });

  it("is that a service or method is unknown, by every protocol", async () => {
    const baseUrl = server.url;
    const web = { baseUrl, httpVersion: "1.1" } as const;
    const headers = { ...browsing };
    for (const transport of [
      createConnectTransport(web),
      createConnectTransport({ ...web, useHttpGet: true }),
      createGrpcWebTransport(web),
      createGrpcTransport({ baseUrl }),
    ]) {
      const call = createClient(VersionService, transport).get({}, { headers });
      await expect(call.catch((error: unknown) => ConnectError.from(error).code)).resolves.toBe(Code.Unimplemented);
    }
  });
});

describe("files of the page", () => {
  it("are asked for again where their name does not change with them", async () => {
    expect((await get("/assets/theme.js")).headers).toMatchObject({ "cache-control": "no-cache" });
  });

  it("may be kept for ever, compressed as the browser likes it best", async () => {
    const path = "/assets/index-Bx3_k9Qa.js";
    const plain = await get(path);
    expect(plain.bytes.toString()).toBe(script);
    expect(plain.headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      vary: "Origin, accept-encoding",
    });
    const brotli = await get(path, { "accept-encoding": "gzip, deflate, br" });
    expect(brotli.headers["content-encoding"]).toBe("br");
    expect(brotliDecompressSync(brotli.bytes).toString()).toBe(script);
    const gzip = await get(path, { "accept-encoding": "gzip, br;q=0" });
    expect(gzip.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(gzip.bytes).toString()).toBe(script);
    expect(new Set([plain, brotli, gzip].map(({ headers }) => headers.etag)).size).toBe(3);
    expect((await get(path, { "accept-encoding": "identity" })).headers["content-encoding"]).toBeUndefined();
    const font = await get("/assets/font-Cd4-l0Rb.woff2", { "accept-encoding": "br" });
    expect([font.headers["content-type"], font.headers["content-encoding"]]).toEqual(["font/woff2", undefined]);
  });

  it("are not sent again to who has them", async () => {
    const headers = { "accept-encoding": "br" };
    const { etag = "" } = (await get("/assets/index-Bx3_k9Qa.js", headers)).headers;
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const answer = await get("/assets/index-Bx3_k9Qa.js", { ...headers, "if-none-match": known });
      expect([known, answer.status, answer.bytes.length, answer.headers.etag]).toEqual([known, 304, 0, etag]);
    }
    expect((await get("/assets/index-Bx3_k9Qa.js", { ...headers, "if-none-match": '"x"' })).status).toBe(200);
    const head = await get("/assets/index-Bx3_k9Qa.js", {}, "HEAD");
    expect([head.status, head.bytes.length, head.headers["content-length"]]).toEqual([200, 0, String(script.length)]);
  });

  it("are those of the folder, and no others", async () => {
    for (const name of [
      "index-Bx3_k9Qa.jss",
      "inner",
      "..",
      ".",
      ".hidden",
      "..%2Fsecret.js",
      "%2e%2e%2fsecret.js",
      "..%5Csecret.js",
      "%2Fetc%2Fpasswd",
      "inner%2F..%2Findex-Bx3_k9Qa.js",
      "index-Bx3_k9Qa.js%00",
      "index-Bx3_k9Qa.js%00.css",
      "constructor",
      "%",
      "../secret.js",
      "../index.html",
      "../../../../../../etc/passwd",
    ]) {
      const answer = await get(`/assets/${name}`, browsing);
      expect([name, answer.status]).toEqual([name, 404]);
      expect(answer.bytes.toString()).not.toMatch(/outside|hidden|root:/);
    }
    expect((await get("/assets/", browsing)).status).toBe(404);
    expect((await get("/assets/index-Bx3_k9Qa.js", {}, "POST")).status).toBe(405);
  });
});

describe("SLIPWAY_CONSOLE=off", () => {
  it("serves neither the console nor sessions of browsers", async () => {
    const site = await startPlatform({ background: false, env: { SLIPWAY_CONSOLE: "off" } });
    expect((await fetch(`${site.url}/`, { headers: browsing })).status).toBe(404);
    expect((await fetch(`${site.url}/assets/a.js`)).headers.get("content-type")).toBe("application/json");
    const refresh = await fetch(`${site.url}/auth/session/refresh`, { method: "POST" });
    expect([refresh.status, await refresh.text()]).toEqual([404, expect.stringContaining("unimplemented")]);
    await site.close();
  });
});
