import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as requestHttp } from "node:http";
import { connect } from "node:http2";
import { request as requestHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditEntries } from "../../../src/resources/api/audit/table.js";
import { selfSigned } from "../../rpc/support/certificate.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { openPage } from "./support/page.js";
import { newUser, password } from "./support/users.js";

type Headers = Record<string, string>;

let site: TestPlatform;
let user: string;
beforeAll(async () => {
  const env = { SLIPWAY_PASSWORD_SIGN_IN: "on", SLIPWAY_CORS_ORIGINS: "*" };
  site = await startPlatform({ background: false, env });
  user = await newUser(site);
});
afterAll(() => site.close());

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

/** A request with exactly these headers, to whatever host they name. */
function send(url: string, headers: Headers, options: { body?: string; method?: string; ca?: string } = {}) {
  const { body = "", method = "POST", ca } = options;
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise<Answer>((resolve, reject) => {
    const tls = ca === undefined ? {} : { ca };
    const req = request(url, { method, headers, agent: false, ...tls }, async (res) => {
      let text = "";
      for await (const chunk of res.setEncoding("utf8")) text += chunk;
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
    });
    req.on("error", reject).end(body);
  });
}

const paths = ["/auth/session/password", "/auth/session/refresh", "/auth/session/logout"];
const json = { "content-type": "application/json" };
const own = (url = site.url): Headers => ({ ...json, origin: url, "x-slipway-console": "1" });
const grant = () => JSON.stringify({ username: user, password });

describe("what asks for a session", () => {
  it("is refused unless it shows that it comes from a page of this server", async () => {
    const { host, port } = new URL(site.url);
    const { origin: _, ...noOrigin } = own();
    const { "x-slipway-console": __, ...noHeader } = own();
    const foreign: readonly [string, Headers][] = [
      ["no header of the console", noHeader],
      ["another value of it", { ...own(), "x-slipway-console": "true" }],
      ["no origin", noOrigin],
      ["the origin of a sandbox", { ...own(), origin: "null" }],
      ["an empty origin", { ...own(), origin: "" }],
      ["another site", { ...own(), origin: "https://evil.example.com" }],
      ["another port of the same host", { ...own(), origin: `http://127.0.0.1:${Number(port) + 1}` }],
      ["another scheme", { ...own(), origin: `https://${host}` }],
      ["a longer host", { ...own(), origin: `${site.url}.evil.example.com` }],
      ["a user before the host", { ...own(), origin: `http://evil@${host}` }],
      ["a path behind it", { ...own(), origin: `${site.url}/` }],
      ["two origins", { ...own(), origin: `${site.url}, https://evil.example.com` }],
      [
        "a host that only a proxy's header names",
        {
          ...own(),
          origin: "http://evil.example.com",
          "x-forwarded-host": "evil.example.com",
        },
      ],
      ["a host of another scheme", { ...own(), origin: "https://slipway.example.com", host: "slipway.example.com" }],
      ["another site, as the browser says", { ...own(), "sec-fetch-site": "cross-site" }],
      ["another host of the site", { ...own(), "sec-fetch-site": "same-site" }],
      ["the user's own hand", { ...own(), "sec-fetch-site": "none" }],
    ];
    for (const path of paths) {
      for (const [what, headers] of foreign) {
        const answer = await send(`${site.url}${path}`, headers, { body: grant() });
        expect([path, what, answer.status]).toEqual([path, what, 403]);
        expect(JSON.parse(answer.text)).toEqual({
          code: "permission_denied",
          message: expect.stringMatching(/^only the console of this server may ask this: /),
        });
        expect(answer.headers["set-cookie"]).toBeUndefined();
      }
    }
  });

  it("is taken from a page under the public URL, and under the name by which the server was asked", async () => {
    const taken: Headers[] = [
      own(),
      { ...own(), "sec-fetch-site": "same-origin" },
      { ...own("http://localhost:1234"), host: "localhost:1234" },
      // A proxy that asks the server by a name of its own.
      { ...own(), host: "upstream.internal:9000" },
      { ...own(), "content-type": "application/json; charset=utf-8" },
    ];
    for (const headers of taken) {
      const answer = await send(`${site.url}/auth/session/password`, headers, { body: grant() });
      expect([headers, answer.status]).toEqual([headers, 200]);
    }
  });

  it("leaves the session of the browser alone when it is refused", async () => {
    const page = openPage(site.url);
    await page.password(user, password);
    const forged = await page.post("/auth/session/logout", undefined, {
      origin: "https://evil.example.com",
      "sec-fetch-site": "cross-site",
    });
    expect(forged.status).toBe(403);
    expect((await page.refresh()).status).toBe(200);
  });

  it("is what it says: JSON, by POST, and with no more than a little", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonx",
    ]) {
      const headers = { ...own(), "content-type": type };
      for (const path of paths) {
        const answer = await send(`${site.url}${path}`, headers, { body: grant() });
        expect([path, type, answer.status]).toEqual([path, type, 400]);
      }
    }
    for (const path of paths) {
      const answer = await send(`${site.url}${path}`, own(), { method: "GET" });
      expect([answer.status, answer.headers.allow, JSON.parse(answer.text).code]).toEqual([
        405,
        "POST",
        "unimplemented",
      ]);
    }
  });

  it("is answered to no other origin, whatever CORS allows", async () => {
    const preflight = {
      "access-control-request-method": "POST",
      "access-control-request-headers": "x-slipway-console",
    };
    const origin = "https://console.example.com";
    for (const path of [...paths, "/auth/session/login?provider=x", "/auth/session/callback"]) {
      const asked = await send(`${site.url}${path}`, { ...preflight, origin }, { method: "OPTIONS" });
      const answered = await send(`${site.url}${path}`, { ...own(), origin });
      const allowed = [asked, answered].flatMap(({ headers }) =>
        Object.keys(headers).filter((name) => name.startsWith("access-control-")),
      );
      expect([path, allowed]).toEqual([path, []]);
    }
    const call = await send(`${site.url}/api.v1.VersionService/Get`, { ...json, origin }, { body: "{}" });
    expect(call.headers["access-control-allow-origin"]).toBe("*");
  });

  it("counts against the limit of its address, and is told so in JSON", async () => {
    const other = await startPlatform({ background: false, env: { SLIPWAY_RATE_LIMIT: "1" } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => openPage(other.url).refresh()));
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body.code).toBe("resource_exhausted");
    expect(refused?.headers.get("retry-after")).toBe("1");
    await other.close();
  });

  it("is recorded with its user, and refusals too", async () => {
    const page = openPage(site.url);
    await page.post("/auth/session/password", { username: user, password }, { "x-request-id": "own-page-1" });
    await page.post("/auth/session/refresh", undefined, { "x-request-id": "own-page-2" });
    await page.post("/auth/session/logout", undefined, { "x-request-id": "own-page-3" });
    await page.post("/auth/session/refresh", undefined, { "x-request-id": "own-page-4" });
    const recordsOf = (id: string) =>
      site.platform.db.select().from(auditEntries).where(eq(auditEntries.requestId, id)).orderBy(auditEntries.phase);
    for (const [id, method, who, code] of [
      ["own-page-1", "/auth/session/password", user, 0],
      ["own-page-2", "/auth/session/refresh", user, 0],
      ["own-page-3", "/auth/session/logout", user, 0],
      ["own-page-4", "/auth/session/refresh", null, 16],
    ] as const) {
      await expect
        .poll(() => recordsOf(id), { timeout: 30_000 })
        .toMatchObject([
          { phase: "request", method, user: null, code: null, body: null },
          { phase: "response", method, user: who, code, body: null },
        ]);
    }
  });
});

describe("over https", () => {
  let secure: TestPlatform;
  let ca: string;
  let directory: string;
  beforeAll(async () => {
    const { cert, key } = await selfSigned();
    ca = cert;
    directory = await mkdtemp(join(tmpdir(), "slipway-tls-"));
    const env = { SLIPWAY_TLS_CERT_FILE: join(directory, "cert"), SLIPWAY_TLS_KEY_FILE: join(directory, "key") };
    await writeFile(env.SLIPWAY_TLS_CERT_FILE, cert);
    await writeFile(env.SLIPWAY_TLS_KEY_FILE, key);
    secure = await startPlatform({ background: false, env: { SLIPWAY_PASSWORD_SIGN_IN: "on", ...env } });
    const { platform } = secure;
    await platform.passwords.assign(secure.tenant, password);
  });
  afterAll(async () => {
    await secure.close();
    await rm(directory, { recursive: true });
  });

  it("sets a cookie that no other host can plant and that is never sent in the clear", async () => {
    const body = JSON.stringify({ username: secure.tenant, password });
    const answer = await send(`${secure.url}/auth/session/password`, own(secure.url), { body, ca });
    expect(answer.status).toBe(200);
    const [cookie = ""] = answer.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(
      /^__Host-slipway_session=slipb_[\w-]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
    const pair = cookie.split(";", 1)[0] ?? "";
    const refresh = (headers: Headers) =>
      send(`${secure.url}/auth/session/refresh`, { ...own(secure.url), ...headers }, { ca });
    expect((await refresh({ cookie: pair })).status).toBe(200);
    expect((await refresh({ cookie: pair.replace("__Host-", "") })).status).toBe(401);
    expect((await refresh({ cookie: pair, origin: secure.url.replace("https:", "http:") })).status).toBe(403);
    const out = await send(`${secure.url}/auth/session/logout`, { ...own(secure.url), cookie: pair }, { ca });
    expect(out.headers["set-cookie"]).toEqual([
      "__Host-slipway_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict; Secure",
    ]);
  });

  it("takes pages over HTTP/2, by the name that they ask", async () => {
    const client = connect(secure.url, { ca });
    const { port } = new URL(secure.url);
    const statusOf = (origin: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const stream = client.request({
          ":method": "POST",
          ":path": "/auth/session/password",
          ":authority": `localhost:${port}`,
          ...own(secure.url),
          origin,
        });
        stream.once("response", (headers) => resolve(headers[":status"]));
        stream.once("error", reject);
        stream.end(JSON.stringify({ username: secure.tenant, password }));
        stream.resume();
      });
    expect(await statusOf(secure.url)).toBe(200);
    expect(await statusOf(`https://localhost:${port}`)).toBe(200);
    expect(await statusOf("https://evil.example.com")).toBe(403);
    client.close();
  });

  it("tells browsers to come by https only", async () => {
    const answer = await send(`${secure.url}/`, { accept: "text/html" }, { method: "GET", ca });
    expect(answer.headers["strict-transport-security"]).toBe("max-age=31536000");
  });
});
