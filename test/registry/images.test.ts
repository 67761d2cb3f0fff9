import { createHash } from "node:crypto";
import { describe, expect, it, test } from "vitest";
import { openRegistry } from "../../src/registry/open-registry.js";
import { clientOf, digest, found, password, resolve, start, status } from "./support/images.js";

const manifest = JSON.stringify({ schemaVersion: 2, layers: [] });

describe("an image", () => {
  it("has the digest that the registry tells", async () => {
    const server = await start(found);
    expect(await resolve(clientOf(server), "registry.example/team/web:1.0")).toEqual({ digest });
    expect(await resolve(clientOf(server), `nginx@${digest}`)).toEqual({ digest });
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "HEAD /v2/team/web/manifests/1.0",
      `HEAD /v2/library/nginx/manifests/${digest}`,
    ]);
  });

  it("has the digest of its manifest where the registry tells none", async () => {
    for (const head of [200, 405]) {
      const server = await start((request, response) => {
        response.statusCode = request.method === "HEAD" ? head : 200;
        response.end(request.method === "HEAD" ? undefined : manifest);
      });
      const expected = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      expect(await resolve(clientOf(server), "r.example/web")).toEqual({ digest: expected });
      expect(await resolve(clientOf(server), `r.example/web@${expected}`)).toEqual({ digest: expected });
      const other = resolve(clientOf(server), `r.example/web@${digest}`);
      await expect(other).rejects.toMatchObject({ kind: "unavailable" });
    }
  });

  it("is asked for at its mirror, below the mirror's path", async () => {
    const own = await start(found);
    const others = await start(found);
    const mirrors = new Map([
      ["docker.io", `${own.url}/hub/`],
      ["*", others.url],
    ]);
    const client = openRegistry({ addresses: "public", mirrors });
    await resolve(client, "nginx");
    await resolve(client, "registry-1.docker.io/team/web");
    await resolve(client, "r.example/web");
    expect(own.seen.map(({ path }) => path)).toEqual([
      "/v2/hub/library/nginx/manifests/latest",
      "/v2/hub/team/web/manifests/latest",
    ]);
    expect(others.seen.map(({ path }) => path)).toEqual(["/v2/web/manifests/latest"]);
  });

  test.each([
    [404, "missing"],
    [403, "precondition"],
    [401, "precondition"],
    [400, "invalid"],
    [418, "unavailable"],
  ])("is refused with status %i as %s", async (code, kind) => {
    const server = await start(status(code));
    const error = await resolve(clientOf(server), "r.example/web:1").catch((error: unknown) => error);
    expect(error).toMatchObject({ kind });
    expect(String(error)).toContain("r.example");
    expect(String(error)).not.toContain(password);
    expect(server.seen).toHaveLength(1);
  });

  test.each([
    ["no JSON", "<html>"],
    ["no manifest", "{}"],
    ["null", "null"],
    ["a list", "[1]"],
    ["an older manifest", '{"schemaVersion":1}'],
    ["too much", " ".repeat(4 * 1024 * 1024 + 1)],
  ])("is not taken from %s", async (_, body) => {
    const server = await start((request, response) => void response.end(request.method === "HEAD" ? "" : body));
    const error = await resolve(clientOf(server), "r.example/web").catch((error: unknown) => error);
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(String(error)).not.toContain("html");
  });

  it("is not asked for where there is no reference", async () => {
    const server = await start(found);
    await expect(resolve(clientOf(server), "Not An Image")).rejects.toMatchObject({ kind: "invalid" });
    expect(server.seen).toEqual([]);
  });
});

describe("what is transient", () => {
  test.each([429, 500, 502, 503, 504])("as status %i is asked again", async (code) => {
    let calls = 0;
    const server = await start((request, response, url) => {
      calls += 1;
      if (calls < 3) status(code, { "retry-after": "0" })(request, response, url);
      else found(request, response, url);
    });
    expect(await resolve(clientOf(server), "r.example/web")).toEqual({ digest });
  });

  it("is asked three times at most", async () => {
    const server = await start(status(503));
    await expect(resolve(clientOf(server), "r.example/web")).rejects.toMatchObject({ kind: "unavailable" });
    expect(server.seen).toHaveLength(3);
  });

  it("is left alone for as long as it wants", async () => {
    const server = await start(status(429, { "retry-after": "60" }));
    const expected = { kind: "unavailable", retryAfterMs: 60_000 };
    await expect(resolve(clientOf(server), "r.example/web")).rejects.toMatchObject(expected);
    expect(server.seen).toHaveLength(1);
  });

  it("as a connection that breaks is asked again", async () => {
    let calls = 0;
    const server = await start((request, response, url) => {
      calls += 1;
      if (calls === 1) request.socket.destroy();
      else found(request, response, url);
    });
    expect(await resolve(clientOf(server), "r.example/web")).toEqual({ digest });
  });

  it("as silence ends in time, and with the caller", async () => {
    const server = await start(() => {});
    const short = clientOf(server, { callMs: 50, lookupMs: 200 });
    await expect(resolve(short, "r.example/web")).rejects.toMatchObject({ kind: "unavailable" });
    const trickle = await start((_, response) => {
      const more = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(more));
    });
    await expect(resolve(clientOf(trickle, { callMs: 100 }), "r.example/web")).rejects.toMatchObject({
      kind: "unavailable",
    });
    const controller = new AbortController();
    const waiting = clientOf(server).resolveImage("r.example/web", undefined, controller.signal);
    await expect.poll(() => server.seen.length).toBeGreaterThan(0);
    controller.abort(new Error("the caller has gone"));
    await expect(waiting).rejects.toThrow("the caller has gone");
  });

  it("is bounded where many ask", async () => {
    const server = await start(() => {});
    const client = clientOf(server, { callMs: 300, lookupMs: 300 });
    const all = Array.from({ length: 40 }, () => resolve(client, "r.example/web").catch((error: unknown) => error));
    const kinds = (await Promise.all(all)).map((error) => (error as { kind: string }).kind);
    expect(kinds.filter((kind) => kind === "exhausted")).toHaveLength(8);
    // What has ended makes room.
    await expect(resolve(client, "r.example/web")).rejects.toMatchObject({ kind: "unavailable" });
  });
});
