import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it, test } from "vitest";
import { stringify } from "yaml";
import { readIndex } from "../../src/registry/index-file.js";
import { openRegistry } from "../../src/registry/open-registry.js";
import type { RegistryCredentials } from "../../src/registry/registry.js";
import { type FakeServer, type Handler, startServer } from "./support/server.js";

const hex = "cd".repeat(32);
const credentials = { server: "https://charts.example/team", username: "ada", password: "hunter2-password" };

const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(handler: Handler): Promise<FakeServer> {
  const server = await startServer(handler);
  servers.push(server);
  return server;
}

const text =
  (body: string | Buffer, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(200, headers);
    response.end(body);
  };

interface Asked {
  readonly repository?: string;
  readonly name?: string;
  readonly version?: string;
  readonly credentials?: RegistryCredentials;
}

function resolve(server: FakeServer, { repository = "https://charts.example/team", ...asked }: Asked = {}) {
  const client = openRegistry({ addresses: "public", mirrors: new Map([["*", server.url]]) });
  const chart = { repository, name: asked.name ?? "web", version: asked.version ?? "" };
  return client.resolveChart(chart, asked.credentials, new AbortController().signal);
}

/** As Helm writes it. */
const index = `apiVersion: v1
entries:
  # the first
  other:
  - apiVersion: v2
    version: 9.9.9
  web:
  - annotations:
      version: 7.0.0
    apiVersion: v2
    created: "2024-01-01T00:00:00Z"
    description: |
      version: 8.0.0
        - version: 8.1.0
    digest: ${hex}
    maintainers:
    - name: ada
      version: 6.0.0
    name: web
    urls:
    - https://charts.example/web-1.10.0.tgz
    version: 1.10.0
  - version: "1.2.0" # quoted
    digest: 'not a digest'
    dependencies:
      - name: db
        version: 5.0.0
  - version: 2.0.0-rc.1
  - version: 1.2
  - version: junk!
  web-2:
  - version: 99.0.0
generated: "2024-01-01T00:00:00Z"
`;

describe("a chart of an index", () => {
  test.each([
    ["", "1.10.0"],
    ["1.2.0", "1.2.0"],
    ["1.2", "1.2"],
    ["~1.2", "1.2.0"],
    ["2.0.0-rc.1", "2.0.0-rc.1"],
    [">=1.0.0, <1.10.0", "1.2.0"],
  ])("has for %j version %s", async (version, expected) => {
    const server = await start(text(index));
    const found = await resolve(server, { version });
    expect(found).toEqual({ version: expected, digest: expected === "1.10.0" ? `sha256:${hex}` : "" });
    expect(server.seen.map(({ path }) => path)).toEqual(["/team/index.yaml"]);
  });

  it("is found in other forms of the index too", async () => {
    const { entries } = { entries: { web: [{ version: "1.0.0", digest: `sha256:${hex}` }], other: [] } };
    const indented = `---\r\n"entries": # all\r\n    'web':\r\n\r\n      -   digest: ${hex}\r\n          version: 1.0.0\r\n`;
    const forms = [
      text(stringify({ entries })),
      text(stringify({ entries }, { indentSeq: false })),
      text(JSON.stringify({ entries })),
      text(`\n ${JSON.stringify({ entries }, null, 2)}`),
      text(gzipSync(stringify({ entries })), { "content-encoding": "gzip" }),
      text(indented),
    ];
    for (const form of forms) {
      expect(await resolve(await start(form))).toEqual({ version: "1.0.0", digest: `sha256:${hex}` });
    }
  });

  test.each([
    ["the chart", index, { name: "no-such" }],
    ["a chart with versions", "entries:\n  web: []\n", {}],
    ["any chart", "entries: {}\n", {}],
    ["charts", "entries:\ngenerated: now\n", {}],
    ["a version that fits", index, { version: "^7" }],
    ["the prerelease", index, { version: "2.0.0" }],
  ])("is missing without %s", async (_, body, asked) => {
    await expect(resolve(await start(text(body)), asked)).rejects.toMatchObject({ kind: "missing" });
  });

  test.each([
    ["HTML", "<html>secret-word</html>"],
    ["nothing", ""],
    ["an anchor", "entries:\n  web: &a\n  - version: 1.0.0\n"],
    ["flows", "entries: {web: [{version: 1.0.0}]}\n"],
    ["an alias as a version", "entries:\n  web:\n  - version: *secret-word\n"],
    ["broken JSON", '{"entries": secret-word'],
    ["a long line", `entries:\n  web: ${"x".repeat(1_100_000)}`],
    ["nothing but blanks", " ".repeat(1_100_000)],
    ["a long JSON", `{"a":"${"x".repeat(9 * 1024 * 1024)}"`],
    ["a long version", `entries:\n  web:\n  - version: ${"1".repeat(1_000)}\n`],
    ["too many versions", `entries:\n  web:\n${"  - version: 1.0.0\n".repeat(20_001)}`],
  ])("is not taken from %s", async (_, body) => {
    const error = await resolve(await start(text(body))).catch((error: unknown) => error);
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(String(error)).not.toContain("secret-word");
  });

  it("is not taken from an index without an end, compressed or not, or of another encoding", async () => {
    const line = `# ${"x".repeat(65_000)}\n`;
    const endless = await start((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(line));
      };
      response.on("drain", more);
      more();
    });
    await expect(resolve(endless)).rejects.toMatchObject({ kind: "unavailable" });
    const bomb = await start(text(gzipSync(line.repeat(600)), { "content-encoding": "gzip" }));
    await expect(resolve(bomb)).rejects.toMatchObject({ kind: "unavailable" });
    const other = await start(text("x", { "content-encoding": "br" }));
    await expect(resolve(other)).rejects.toMatchObject({ kind: "unavailable" });
    const broken = await start(text("no gzip", { "content-encoding": "gzip" }));
    await expect(resolve(broken)).rejects.toMatchObject({ kind: "unavailable" });
    expect(broken.seen).toHaveLength(3);
  });

  it("takes credentials for its repository, and for no other path", async () => {
    const server = await start((request, response) => {
      response.statusCode = request.headers.authorization === undefined ? 401 : 200;
      response.end(index);
    });
    const basic = `Basic ${Buffer.from("ada:hunter2-password").toString("base64")}`;
    expect(await resolve(server, { credentials })).toMatchObject({ version: "1.10.0" });
    expect(await resolve(server, { repository: "https://charts.example/team/x/", credentials })).toBeDefined();
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([basic, basic]);
    for (const repository of ["https://charts.example/teams", "https://charts.example", "https://other.example/team"]) {
      await expect(resolve(server, { repository, credentials })).rejects.toMatchObject({ kind: "precondition" });
      expect(server.seen.at(-1)?.authorization).toBeUndefined();
    }
    await expect(resolve(server)).rejects.toMatchObject({ kind: "precondition" });
  });

  it("is missing where there is no index", async () => {
    const server = await start((_, response) => void response.writeHead(404).end());
    await expect(resolve(server)).rejects.toMatchObject({ kind: "missing" });
  });

  it("is read the same however its bytes come, and all of it as a parser of YAML reads it", async () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const version = fc.stringMatching(/^[0-9]\.[0-9]{1,2}\.[0-9]$/);
    const junk = fc.oneof(word, fc.constant("version: 8.0.0\n- version: 8.1.0\n  digest: x"), fc.constant("a: b # c"));
    const entry = fc.record({ description: junk, version, name: word, urls: fc.array(junk, { maxLength: 2 }) });
    const entries = fc.dictionary(word, fc.array(entry, { minLength: 1, maxLength: 4 }), {
      minKeys: 1,
      noNullPrototype: true,
    });
    const options = fc.record({ indent: fc.integer({ min: 2, max: 4 }), indentSeq: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(entries, options, fc.integer({ min: 1, max: 40 }), async (entries, options, size) => {
        const bytes = Buffer.from(stringify({ apiVersion: "v1", entries }, { ...options, lineWidth: 0 }));
        async function* parts() {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        }
        for (const [name, all] of Object.entries(entries)) {
          const found = await readIndex(parts(), name, "r.example");
          expect(found?.map(({ version }) => version)).toEqual(all.map(({ version }) => version));
        }
      }),
    );
  });
});

describe("a chart of a registry", () => {
  const config = { mediaType: "application/vnd.cncf.helm.config.v1+json" };
  const manifest = JSON.stringify({ schemaVersion: 2, config });
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  const repository = "oci://registry.example/team/charts/";

  const registry =
    (tags: unknown, body = manifest): Handler =>
    (_, response, url) =>
      void response.end(url.pathname.endsWith("/tags/list") ? JSON.stringify({ tags }) : body);

  test.each([
    ["", "1.10.0"],
    ["^1.2, <1.3", "1.2.0+build.1"],
    ["1.0.0", "1.0.0"],
  ])("has for %j version %s", async (version, expected) => {
    const server = await start(registry(["1.2.0_build.1", "1.10.0", "latest", "2.0.0-rc.1", " 9.9.9", 7, null, "a/b"]));
    expect(await resolve(server, { repository, version })).toEqual({ version: expected, digest });
    const list = "/v2/team/charts/web/tags/list?n=1000";
    const tag = `/v2/team/charts/web/manifests/${expected.replaceAll("+", "_")}`;
    expect(server.seen.map(({ path }) => path)).toEqual(version === "1.0.0" ? [tag] : [list, tag]);
  });

  it("is looked for on all pages of tags", async () => {
    const server = await start((_, response, url) => {
      const page = Number(url.searchParams.get("page") ?? 0);
      if (url.pathname.endsWith("/manifests/1.2.0")) response.end(manifest);
      else {
        if (page < 2) response.setHeader("link", `</v2/web/tags/list?page=${page + 1}>; rel="next"`);
        response.end(JSON.stringify({ tags: [`1.${page}.0`] }));
      }
    });
    expect(await resolve(server, { repository: "oci://registry.example" })).toEqual({ version: "1.2.0", digest });
  });

  test.each([
    ["elsewhere", "https://evil.example/v2/web/tags/list", "unavailable"],
    ["at another path", "/v2/other/tags/list", "unavailable"],
    ["at no URL", "https://[", "unavailable"],
    ["without an end", "?again", "invalid"],
  ])("is refused when its tags go on %s", async (_, link, kind) => {
    const server = await start((_, response) => {
      response.setHeader("link", `<${link}>; rel="next"`);
      response.end('{"tags":["1.0.0"]}');
    });
    await expect(resolve(server, { repository: "oci://registry.example" })).rejects.toMatchObject({ kind });
    expect(server.seen.length).toBeLessThanOrEqual(50);
  });

  test.each([
    ["no tags", registry(null), {}, "missing"],
    ["tags that are no list", registry("1.0.0"), {}, "missing"],
    ["an image", registry(["1.0.0"], '{"schemaVersion":2}'), {}, "missing"],
    ["no JSON", text("x"), {}, "unavailable"],
    ["too many tags at once", text(" ".repeat(1_100_000)), {}, "unavailable"],
    ["no constraint", registry(["1.0.0"]), { version: "any one" }, "invalid"],
    ["a path in capitals", registry(["1.0.0"]), { repository: "oci://registry.example/Team" }, "invalid"],
  ])("is refused with %s", async (_, handler, asked, kind) => {
    await expect(resolve(await start(handler), { repository, ...asked })).rejects.toMatchObject({ kind });
  });
});

test.each([
  "http://charts.example",
  "charts.example",
  "https://",
  "https://ada:hunter2@charts.example",
  "https://charts.example?x=1",
  "https://charts.example/#x",
  "oci://[/x",
  "file:///etc/passwd",
  "https://charts.example/a b",
  "",
])("the URL %j is no repository", async (repository) => {
  const server = await start(text(index));
  await expect(resolve(server, { repository })).rejects.toMatchObject({ kind: "invalid" });
  expect(server.seen).toEqual([]);
});

test.each([{ name: "../x" }, { name: "Web" }, { name: "" }, { version: "the newest" }, { version: "1/2" }])(
  "nothing is asked for what can be no chart: %j",
  async (asked) => {
    const server = await start(text(index));
    await expect(resolve(server, asked)).rejects.toMatchObject({ kind: "invalid" });
    expect(server.seen).toEqual([]);
  },
);
