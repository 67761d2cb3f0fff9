import { createPrivateKey, X509Certificate } from "node:crypto";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { encrypted, type Issued, issue } from "./certificates.js";
import { dataOf, secretsOf } from "./secrets.js";

let platform: TestPlatform;
let all: ReturnType<typeof secretsOf>;
let root: Issued;
let middle: Issued;
let leaf: Issued;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  all = secretsOf(platform, platform);
  root = await issue({ name: [{ CN: ["Root"] }] });
  middle = await issue({ name: [{ CN: ["Middle"] }], issuer: root });
  leaf = await issue({
    name: [{ O: ["Example"] }, { CN: ["www.example.org"] }],
    dns: ["www.example.org", "*.example.org"],
    issuer: middle,
  });
});
afterAll(() => platform.close());

const tls = (crt: string, key: string, more = {}) => ({
  type: SecretType.TLS,
  data: dataOf({ "tls.crt": crt, "tls.key": key, ...more }),
});

describe("a certificate", () => {
  it("is kept with its chain, and shows what it is for [tsuru.certificate-set, deis.certs-create]", async () => {
    const secret = await all.create(tls(leaf.cert + middle.cert + root.cert, leaf.key));
    const { validFrom, validTo, fingerprint256 } = new X509Certificate(leaf.cert);
    expect(secret.certificate).toMatchObject({
      commonName: "www.example.org",
      dnsNames: ["www.example.org", "*.example.org"],
      issuer: "CN=Middle",
      fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
    });
    const { notBefore, notAfter } = secret.certificate ?? {};
    expect(notBefore && timestampDate(notBefore)).toEqual(new Date(validFrom));
    expect(notAfter && timestampDate(notAfter)).toEqual(new Date(validTo));
    expect(secret.keys).toEqual(["tls.crt", "tls.key"]);
    expect((await all.reveal(secret.uuid, { key: "tls.key" })).values).toEqual({ "tls.key": leaf.key });
  });

  it("is seen without its key [deis.certs-info]", async () => {
    const { uuid, certificate } = await all.create(tls(leaf.cert, leaf.key));
    const seen = await all.get(uuid);
    expect(seen?.certificate).toEqual(certificate);
    const text = JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    expect(text).not.toContain("PRIVATE");
    expect(text).not.toContain("BEGIN");
  });

  it("is listed among those of its type [tsuru.certificate-list, deis.certs-list]", async () => {
    const tenant = await platform.newTenant();
    const own = secretsOf(platform, tenant);
    await own.create({ name: "other" });
    await own.create({ name: "b", ...tls(root.cert, root.key) });
    await own.create({ name: "a", ...tls(leaf.cert, leaf.key) });
    const { secrets } = await own.client.list({ project: tenant.project, type: SecretType.TLS }, own.owner);
    expect(secrets.map(({ name, certificate }) => `${name} ${certificate?.commonName}`)).toEqual([
      "a www.example.org",
      "b Root",
    ]);
  });

  it("is deleted with its key [tsuru.certificate-unset, deis.certs-destroy]", async () => {
    const { uuid } = await all.create(tls(leaf.cert, leaf.key));
    expect((await all.delete(uuid)).secret?.certificate?.commonName).toBe("www.example.org");
    expect(await codeOf(all.get(uuid))).toBe("NotFound");
    expect(await codeOf(all.reveal(uuid))).toBe("NotFound");
  });

  it("is renewed, and shows the new one", async () => {
    const { uuid, certificate } = await all.create(tls(leaf.cert, leaf.key));
    const next = await issue({ name: [{ CN: ["next.example.org"] }], kind: "rsa" });
    expect(await codeOf(all.update(uuid, { data: tls(next.cert, leaf.key).data }))).toBe("InvalidArgument");
    expect((await all.get(uuid))?.certificate).toEqual(certificate);
    const renewed = await all.update(uuid, { data: tls(next.cert, next.key).data });
    expect(renewed).toMatchObject({ version: 2n, certificate: { commonName: "next.example.org", dnsNames: [] } });
  });

  it("that has expired is taken, and shows it", async () => {
    const old = await issue({
      notBefore: new Date("2001-01-01T00:00:00Z"),
      notAfter: new Date("2002-02-03T04:05:06Z"),
    });
    const { certificate } = await all.create(tls(old.cert, old.key));
    expect(certificate?.notAfter && timestampDate(certificate.notAfter)).toEqual(new Date("2002-02-03T04:05:06Z"));
    expect(certificate).toMatchObject({ commonName: "", issuer: "" });
  });

  it("may come with other forms of its key, and texts around the blocks", async () => {
    const sec1 = createPrivateKey(leaf.key).export({ format: "pem", type: "sec1" }).toString();
    const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    const crt = `subject=www\n${leaf.cert}issuer=middle\n${middle.cert}`.replaceAll("\n", "\r\n");
    expect((await all.create(tls(crt, parameters + sec1))).certificate?.commonName).toBe("www.example.org");
    const rsa = await issue({ kind: "rsa" });
    const pkcs1 = createPrivateKey(rsa.key).export({ format: "pem", type: "pkcs1" }).toString();
    expect((await all.create(tls(rsa.cert, pkcs1))).version).toBe(1n);
  });

  it("may hold names that nobody expects", async () => {
    const odd = await issue({
      name: [{ CN: ["a\u0000b, DNS:x"] }],
      dns: ["a.example.org, DNS:evil.example.org", "b.example.org"],
    });
    const { uuid } = await all.create(tls(odd.cert, odd.key));
    const { certificate } = (await all.get(uuid)) ?? {};
    expect(certificate?.commonName).toBe("a\ufffdb, DNS:x");
    expect(certificate?.dnsNames).toEqual(["b.example.org"]);
  });
});

describe("what is no certificate with its key", () => {
  const crt = 'data.values["tls.crt"]';
  const key = 'data.values["tls.key"]';
  const many = () => issue({ dns: Array.from({ length: 300 }, (_, i) => `${"x".repeat(60)}.host-${i}.example.org`) });
  const cases: [string, string, () => [string, string] | Promise<[string, string]>][] = [
    ["no PEM", crt, () => ["nothing", leaf.key]],
    ["a certificate cut off", crt, () => [leaf.cert.slice(0, 300), leaf.key]],
    ["a damaged certificate", crt, () => [leaf.cert.replace("MII", "AAA"), leaf.key]],
    ["the key in the place of the certificate", crt, () => [leaf.key, leaf.key]],
    ["the key beside the certificate", crt, () => [leaf.cert + leaf.key, leaf.key]],
    ["a chain in reverse", crt, () => [middle.cert + leaf.cert, middle.key]],
    ["a chain with a gap", crt, () => [leaf.cert + root.cert, leaf.key]],
    [
      "a chain of another with the same name",
      crt,
      async () => {
        const namesake = await issue({ name: [{ CN: ["Middle"] }] });
        return [leaf.cert + namesake.cert, leaf.key];
      },
    ],
    ["a chain that is too long", crt, () => [leaf.cert + middle.cert + root.cert.repeat(9), leaf.key]],
    [
      "more names than can be shown",
      crt,
      async () => {
        const { cert, key: own } = await many();
        return [cert, own];
      },
    ],
    ["blocks without an end", crt, () => ["-----BEGIN CERTIFICATE-----\n".repeat(30_000), leaf.key]],
    ["the key of the issuer", key, () => [leaf.cert + middle.cert, middle.key]],
    ["a key of another kind", key, async () => [leaf.cert, (await issue({ kind: "rsa" })).key]],
    ["no key", key, () => [leaf.cert, leaf.cert]],
    ["two keys", key, () => [leaf.cert, leaf.key + leaf.key]],
    ["a damaged key", key, () => [leaf.cert, leaf.key.replace("MI", "AA")]],
    ["an encrypted key", key, () => [leaf.cert, encrypted(leaf, "pkcs8")]],
    ["a key encrypted in the old form", key, () => [leaf.cert, encrypted(leaf, "sec1")]],
  ];

  it.each(cases)("%s is refused, and nothing of it is repeated", async (_, field, given) => {
    const [cert, own] = await given();
    const { code, fields, message } = await refusal(all.create(tls(cert, own)));
    expect([code, ...fields]).toEqual(["InvalidArgument", field]);
    expect(message.length).toBeLessThan(250);
    const words = [...cert.split("\n"), ...own.split("\n")].filter((line) => /^[A-Za-z0-9+/=]{20,}$/.test(line));
    for (const word of words) expect(message).not.toContain(word);
  });

  it("an encrypted key is called so", async () => {
    for (const form of ["pkcs8", "sec1"] as const) {
      const { message } = await refusal(all.create(tls(leaf.cert, encrypted(leaf, form))));
      expect(message).toContain("is encrypted");
    }
  });

  it("other keys than the two are refused", async () => {
    for (const more of [{ "ca.crt": root.cert }, { note: "x" }]) {
      expect(await refusal(all.create(tls(leaf.cert, leaf.key, more)))).toMatchObject({
        code: "InvalidArgument",
        fields: ["data.values"],
      });
    }
    const alone = { type: SecretType.TLS, data: dataOf({ "tls.crt": leaf.cert }) };
    expect((await refusal(all.create(alone))).fields).toEqual(["data.values"]);
  });
});
