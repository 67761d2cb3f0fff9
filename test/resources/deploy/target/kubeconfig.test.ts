import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { DomainError } from "../../../../src/errors.js";
import { inScope, scopedLookup } from "../../../../src/kube/addresses.js";
import { openKube } from "../../../../src/kube/client.js";
import { openAuthority } from "../../../../src/kube/embedded/authority.js";
import { foreignAccess } from "../../../../src/resources/deploy/target/kubeconfig.js";
import { startPlatform } from "../../../support/platform.js";
import { foreignKubeconfig, type KubeconfigChanges, openTargetProxy } from "./target-proxy.js";

const server = "https://kube.example.com:6443";
let authority: Awaited<ReturnType<typeof openAuthority>>;
let pair: { certificate: string; key: string };
beforeAll(async () => {
  authority = await openAuthority(undefined, () => new Date());
  pair = await authority.issueClient("someone", [], 3_600);
});

const encoded = (text: string): string => Buffer.from(text).toString("base64");
const config = (changes: KubeconfigChanges = {}) => foreignKubeconfig(server, authority.certificate, changes);

/** The words with which a kubeconfig is refused. */
function refusalOf(text: string, scope: "public" | "private" | "any" = "any"): string {
  try {
    foreignAccess(text, scope);
    return "taken";
  } catch (error) {
    if (error instanceof DomainError && error.kind === "invalid") return error.message;
    throw error;
  }
}

describe("a kubeconfig", () => {
  it("is taken with a token or a client certificate, as YAML or JSON, and nothing else of it is kept", () => {
    const taken = foreignAccess(
      stringify({ ...JSON.parse(config({ user: { extensions: [] } })), preferences: { colors: true } }),
      "public",
    );
    expect(taken.server).toBe(server);
    const kept = JSON.parse(taken.kubeconfig);
    expect(Object.keys(kept.clusters[0].cluster)).toEqual(["server", "certificate-authority-data"]);
    expect(kept.users[0].user).toEqual({ token: "the-token-of-the-target" });
    const certified = {
      token: "",
      "client-certificate-data": encoded(pair.certificate),
      "client-key-data": encoded(pair.key),
    };
    expect(refusalOf(config({ user: certified }))).toBe("taken");
    expect(refusalOf(config({ cluster: { "insecure-skip-tls-verify": false, "tls-server-name": "kube.local" } }))).toBe(
      "taken",
    );
    // Of several, the current one counts.
    const extra = JSON.parse(config());
    extra.users.push({ name: "other", user: { exec: { command: "sh" } } });
    expect(refusalOf(JSON.stringify(extra))).toBe("taken");
  });

  it.each([
    ["user", "exec", { command: "sh", apiVersion: "client.authentication.k8s.io/v1" }],
    ["user", "auth-provider", { name: "gcp" }],
    ["user", "tokenFile", "/var/run/secrets/token"],
    ["user", "client-certificate", "/etc/passwd"],
    ["user", "client-key", "/etc/passwd"],
    ["user", "username", "admin"],
    ["user", "password", "x"],
    ["user", "as", "system:admin"],
    ["user", "as-groups", ["system:masters"]],
    ["cluster", "certificate-authority", "/etc/passwd"],
    ["cluster", "proxy-url", "http://127.0.0.1:3128"],
    ["cluster", "insecure-skip-tls-verify", true],
    ["cluster", "insecure-skip-tls-verify", "true"],
    ["cluster", "tls-server-name", "a b"],
    ["cluster", "certificate-authority-data", "bm90IGEgY2VydGlmaWNhdGU="],
    ["cluster", "certificate-authority-data", "§"],
    ["user", "client-certificate-data", "eA=="],
    ["user", "client-key-data", "eA=="],
    ["user", "token", "two\r\nx-header: lines"],
    ["user", "token", 7],
  ])("is refused for %s.%s, and nothing of it is repeated", (part, field, value) => {
    const words = refusalOf(config({ [part]: { [field]: value } }));
    expect(words).toContain(`${part}s[].${part}`);
    if (typeof value === "string" && value.length > 5) expect(words).not.toContain(value);
    expect(words).not.toContain("the-token-of-the-target");
  });

  it("is refused without credentials, with half of them, or with the key of another", async () => {
    expect(refusalOf(config({ token: "" }))).toContain("a token or a client certificate");
    const certificate = { "client-certificate-data": encoded(pair.certificate) };
    expect(refusalOf(config({ user: certificate }))).toContain("together");
    const other = await authority.issueClient("other", [], 3_600);
    expect(refusalOf(config({ user: { ...certificate, "client-key-data": encoded(other.key) } }))).toContain(
      "is not the key",
    );
  });

  it.each([
    "http://kube.example.com",
    "kube.example.com",
    "https://user:pass@kube.example.com",
    "https://kube.example.com/?x=1",
    "https://kube.example.com/#x",
    "file:///etc/passwd",
    "",
  ])("is refused for the server %j", (at) => {
    expect(refusalOf(config({ server: at }))).toContain("clusters[].cluster.server");
  });

  it.each([
    ["127.0.0.1", "public"],
    ["127.1", "public"],
    ["0x7f000001", "public"],
    ["0.0.0.0", "public"],
    ["169.254.169.254", "private"],
    ["[fe80::1]", "private"],
    ["[::1]", "private"],
    ["[::]", "private"],
    ["[::ffff:169.254.169.254]", "private"],
    ["[64:ff9b::a9fe:a9fe]", "private"],
    ["[fd00:ec2::254]", "private"],
    ["100.100.100.200", "private"],
    ["168.63.129.16", "public"],
    ["10.0.0.1", "public"],
    ["192.168.1.1", "public"],
    ["[fd12::1]", "public"],
    ["100.64.0.1", "public"],
    ["224.0.0.1", "private"],
    ["255.255.255.255", "private"],
  ] as const)("is refused for the address %s where %s ones are allowed", (host, scope) => {
    expect(refusalOf(config({ server: `https://${host}:6443` }), scope)).toContain("may not be called from here");
    expect(refusalOf(config({ server: `https://${host}:6443` }), "any")).toBe("taken");
  });

  it.each([
    ["8.8.8.8", "public"],
    ["[2606:4700::1111]", "public"],
    ["10.0.0.1", "private"],
    ["[fd12::1]", "private"],
    ["100.64.0.1", "private"],
  ] as const)("is taken for the address %s where %s ones are allowed", (host, scope) => {
    expect(refusalOf(config({ server: `https://${host}` }), scope)).toBe("taken");
  });

  it("is refused when its current context does not lead to exactly one cluster and user", () => {
    const parsed = JSON.parse(config());
    const broken: object[] = [
      { "current-context": "" },
      { "current-context": "none" },
      { "current-context": 7 },
      { contexts: [] },
      { contexts: [...parsed.contexts, ...parsed.contexts] },
      { clusters: [...parsed.clusters, ...parsed.clusters] },
      { clusters: [] },
      { clusters: "all" },
      { users: [null, 7] },
      { users: [{ name: "me", user: null }] },
      { contexts: [{ name: "here", context: { user: "me" } }] },
    ];
    for (const change of broken) expect(refusalOf(JSON.stringify({ ...parsed, ...change }))).toMatch(/^kubeconfig: /);
  });

  it("is refused or taken, and nothing else happens, whatever it is", () => {
    const parsed = JSON.parse(config());
    const secret = "the-token-of-the-target";
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: false }),
        fc.constantFrom("clusters", "users", "contexts"),
        (value, list) => {
          const words = refusalOf(JSON.stringify({ ...parsed, [list]: value }));
          expect(words).not.toContain(secret);
        },
      ),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(refusalOf(text)).toMatch(/^kubeconfig: /);
      }),
    );
  });

  it("is refused for YAML that grows without bounds, or has tags", () => {
    const bomb = [
      "a: &a [x, x]",
      ...[..."bcdefghijklmnop"].map((name, i) => `${name}: &${name} [${`*${"abcdefghijklmnop"[i]}, `.repeat(9)}x]`),
    ];
    expect(refusalOf(bomb.join("\n"))).toMatch(/^kubeconfig: /);
    expect(refusalOf("!!js/function 'return 1'")).toMatch(/^kubeconfig: /);
    expect(refusalOf("a: 1\n---\nb: 2")).toMatch(/^kubeconfig: /);
  });
});

describe("connections", () => {
  it("do not lead to an address that is out of scope, whatever name stands for it", async () => {
    const platform = await startPlatform({ background: false });
    const proxy = await openTargetProxy(platform.kube.kubeconfig);
    try {
      const before = proxy.seen.length;
      for (const host of ["localhost", "127.0.0.1"]) {
        const kubeconfig = proxy.kubeconfig({ server: `https://${host}:${proxy.port}` });
        for (const scope of ["public", "private"] as const) {
          const client = openKube({ kubeconfig, log: platform.platform.log, scope });
          const error: unknown = await client.getPath("/version").catch((reason: unknown) => reason);
          expect(error).toMatchObject({ kind: "unreachable", cause: { code: "ERR_ADDRESS_REFUSED" } });
          client.close();
        }
      }
      expect(proxy.seen.length).toBe(before);
      const client = openKube({ kubeconfig: proxy.kubeconfig(), log: platform.platform.log, scope: "any" });
      expect(await client.getPath("/version")).toMatchObject({ gitVersion: expect.any(String) });
      client.close();
    } finally {
      await proxy.close();
      await platform.close();
    }
  });

  it("look names up in both ways that Node asks for", async () => {
    const asked = (all: boolean, scope: "any" | "public") =>
      new Promise((resolve) =>
        scopedLookup(scope)("localhost", { all }, (error, found) => resolve(error === null ? found : error.code)),
      );
    expect(await asked(false, "any")).toMatch(/^(127\.|::1)/);
    expect(await asked(true, "any")).toEqual(
      expect.arrayContaining([expect.objectContaining({ family: expect.any(Number) })]),
    );
    expect(await asked(true, "public")).toBe("ERR_ADDRESS_REFUSED");
    expect(await asked(false, "public")).toBe("ERR_ADDRESS_REFUSED");
  });

  it("are judged by the same address however it is written", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom("public" as const, "private" as const), (address, scope) => {
        expect(inScope(`::ffff:${address}`, scope)).toBe(inScope(address, scope));
        if (inScope(address, "public")) expect(inScope(address, "private")).toBe(true);
      }),
    );
    expect(inScope("localhost", "public")).toBe(false);
  });
});
