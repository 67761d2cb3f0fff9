import { createHash } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform?.close());

/** A GET whose answer is neither decompressed nor kept by a cache. */
function get(path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; bytes: Buffer }>((resolve, reject) => {
    const sent = httpRequest(platform.url + path, { method, headers }, async (res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(Buffer.from(chunk));
      resolve({ status: res.statusCode, headers: res.headers, bytes: Buffer.concat(chunks) });
    });
    sent.on("error", reject).end();
  });
}

describe("/openapi.json", () => {
  it("is the document, for everybody, with a server address that holds everywhere", async () => {
    const answer = await fetch(`${platform.url}/openapi.json`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=300");
    expect(await answer.json()).toMatchObject({ openapi: "3.1.0", servers: [{ url: "/" }] });
  });

  it("is compressed for who takes that, and for nobody else", async () => {
    const plain = await get("/openapi.json");
    const refused = await get("/openapi.json", { "accept-encoding": "br;q=0.0, gzip;q=0" });
    const brotli = await get("/openapi.json", { "accept-encoding": "gzip, br" });
    const gzipped = await get("/openapi.json", { "accept-encoding": "zstd, gzip;q=0.5" });
    expect([plain, refused, gzipped, brotli].map(({ headers }) => headers["content-encoding"])).toEqual([
      undefined,
      undefined,
      "gzip",
      "br",
    ]);
    expect(gzipped.headers.vary).toContain("accept-encoding");
    expect(gzipped.bytes.length).toBeLessThan(plain.bytes.length / 4);
  });

  it("is not sent again to who has it", async () => {
    const first = await get("/openapi.json");
    const etag = first.headers.etag ?? "";
    expect(etag).toMatch(/^".+"$/);
    const again = await get("/openapi.json", { "if-none-match": `"other", W/${etag}` });
    expect(again).toMatchObject({ status: 304, headers: { etag } });
    expect(again.bytes.length).toBe(0);
    expect((await get("/openapi.json", { "if-none-match": '"other"' })).status).toBe(200);
    expect(await get("/openapi.json", {}, "HEAD")).toMatchObject({ status: 200, headers: { etag } });
    expect(await http2Status("/openapi.json", etag)).toBe(304);
  });

  it("lists what MethodService lists, and its errors are those that are answered", async () => {
    const { paths } = (await (await fetch(`${platform.url}/openapi.json`)).json()) as {
      paths: Record<string, { post: { security?: unknown } }>;
    };
    const path = "/api.v1.MethodService/List";
    expect(paths[path]?.post.security).toEqual([]);
    const call = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    const { methods } = (await (await fetch(platform.url + path, call)).json()) as { methods: string[] };
    expect([...methods].sort()).toEqual(Object.keys(paths).sort());
    const refused = await fetch(`${platform.url}/api.v1.ClusterService/List`, call);
    expect([refused.status, await refused.json()]).toMatchObject([401, { code: "unauthenticated" }]);
  });
});

describe("/reference", () => {
  it("is a page that loads and runs nothing", async () => {
    const answer = await fetch(`${platform.url}/reference`);
    const html = await answer.text();
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(html).not.toMatch(/<script|<img|<link|<iframe| on[a-z]+="| style="| src="/);
  });

  it("shows every operation, and its links lead somewhere", async () => {
    const html = await (await fetch(`${platform.url}/reference`)).text();
    const { paths } = (await (await fetch(`${platform.url}/openapi.json`)).json()) as {
      paths: Record<string, unknown>;
    };
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const links = new Set([...html.matchAll(/href="([^"]+)"/g)].map(([, to]) => to));
    const known = new Set(["/openapi.json", ...ids.map((id) => `#${id}`)]);
    expect([...links].filter((to) => to === undefined || !known.has(to))).toEqual([]);
    for (const path of Object.keys(paths)) expect(html).toContain(`<code>${path}</code>`);
  });
});

/** The status of a GET over HTTP/2 from a client that has the page already. */
function http2Status(path: string, etag: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(platform.url).on("error", reject);
    const stream = session.request({ ":path": path, "if-none-match": etag });
    let status: number | undefined;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.on("error", reject).on("end", () => {
      session.close();
      resolve(status);
    });
    stream.resume();
  });
}
