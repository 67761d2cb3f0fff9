import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { postTo } from "../../support/raw.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf } from "../environment/environments.js";
import { dataOf, newName, secretsOf } from "./secrets.js";

let platform: TestPlatform;
let tenant: TestTenant;
let all: ReturnType<typeof secretsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  all = secretsOf(platform, tenant);
});
afterAll(() => platform.close());

const missing = "0195c0de-0000-7000-8000-0000000000ff";
const newEnvironment = async () => (await environmentsOf(platform, tenant).create()).uuid;

describe("a secret", () => {
  it("is made in a collection of an environment [platz.createSecret]", async () => {
    const environment = await newEnvironment();
    const order = {
      environment,
      collection: "databases",
      name: "orders.db",
      description: "for orders",
      labels: { a: "b" },
    };
    const secret = await all.create({ ...order, data: dataOf({ user: "app", password: "hush", ".empty": "" }) });
    expect(secret).toMatchObject({
      ...order,
      project: tenant.project,
      type: SecretType.OPAQUE,
      version: 1n,
      keys: [".empty", "password", "user"],
    });
    expect(secret.certificate).toBeUndefined();
    expect(secret.createdAt).toEqual(secret.updatedAt);
    expect(await all.get(secret.uuid)).toEqual(secret);
    expect((await all.reveal(secret.uuid)).values).toEqual({ user: "app", password: "hush", ".empty": "" });
  });

  it("is for the whole project without an environment: access to a cloud, for one [pds.create-backup-credentials]", async () => {
    const data = dataOf({ access_key: "AKIA", secret_key: "hush", region: "eu" });
    const secret = await all.create({ type: SecretType.CLOUD_CREDENTIAL, data });
    expect(secret).toMatchObject({ environment: "", collection: "", type: SecretType.CLOUD_CREDENTIAL });
  });

  it("is read without its content [platz.getSecret, pds.get-backup-credentials]", async () => {
    const { uuid, name } = await all.create({ data: dataOf({ password: "hush-hush" }) });
    const seen = await all.get(uuid, "", as(tenant.tokens.viewer));
    expect(seen).toMatchObject({ name, keys: ["password"] });
    expect(Object.keys(seen ?? {})).not.toContain("data");
    expect(await codeOf(all.get(missing))).toBe("NotFound");
  });

  it("is listed by environment, collection and name [platz.allSecrets, pds.list-backup-credentials]", async () => {
    const envs = environmentsOf(platform, tenant);
    const [second, first] = [await envs.create({ name: "zeta" }), await envs.create({ name: "alpha" })];
    await all.create({ environment: second.uuid, name: "f" });
    await all.create({ environment: first.uuid, collection: "x", name: "d" });
    await all.create({ environment: first.uuid, collection: "x", name: "c", labels: { tier: "1", of: "web" } });
    await all.create({ environment: first.uuid, name: "e", type: SecretType.CLOUD_CREDENTIAL });
    await all.create({ collection: "x", name: "b", labels: { tier: "1" } });
    await all.create({ name: "a" });
    expect(await all.names({}, as(tenant.tokens.viewer))).toEqual(["a", "b", "e", "c", "d", "f"]);
    expect(await all.names({ environment: first.uuid })).toEqual(["e", "c", "d"]);
    expect(await all.names({ environment: missing })).toEqual([]);
    expect(await all.names({ collection: "x" })).toEqual(["b", "c", "d"]);
    expect(await all.names({ collection: "" })).toEqual(["a", "e", "f"]);
    expect(await all.names({ type: SecretType.CLOUD_CREDENTIAL })).toEqual(["e"]);
    expect(await all.names({ type: SecretType.UNSPECIFIED })).toHaveLength(6);
    expect(await all.names({ labels: { tier: "1" } })).toEqual(["b", "c"]);
    expect(await all.names({ labels: { tier: "1", of: "web" } })).toEqual(["c"]);
    expect(await codeOf(all.names({ labels: { "a b": "" } }))).toBe("InvalidArgument");
    const page = (number: bigint) =>
      all.client.list({ project: tenant.project, paging: { page: number, count: 4n } }, all.owner);
    const [one, two] = [await page(0n), await page(1n)];
    expect([one.secrets.length, one.nextPage, two.secrets.length, two.nextPage]).toEqual([4, 1n, 2, undefined]);
    await all.fill(200);
    const { secrets, nextPage } = await all.client.list({ project: tenant.project }, all.owner);
    expect([secrets.length, nextPage]).toEqual([200, 1n]);
  });

  it("gets a new version with new content, and no other way [platz.updateSecret]", async () => {
    const before = await all.create({ data: dataOf({ a: "1", b: "2" }), labels: { x: "1" } });
    const next = await all.update(before.uuid, { data: dataOf({ c: "3" }) });
    expect(next).toMatchObject({ version: 2n, keys: ["c"], labels: { x: "1" }, createdAt: before.createdAt });
    const renamed = await all.update(before.uuid, { description: "said", labels: { labels: { y: "2" } } });
    expect(renamed).toMatchObject({ version: 2n, keys: ["c"], description: "said", labels: { y: "2" } });
    expect(await all.update(before.uuid, {})).toEqual(renamed);
    expect((await all.update(before.uuid, { labels: {} }))?.labels).toEqual({});
    expect(await all.reveal(before.uuid)).toEqual({ version: 2n, values: { c: "3" } });
    expect(await all.reveal(before.uuid, { version: 1n })).toEqual({ version: 1n, values: { a: "1", b: "2" } });
    expect(await codeOf(all.update(missing, { description: "" }))).toBe("NotFound");
  });

  it("changes only from the version that is expected [pds.update-backup-credentials]", async () => {
    const { uuid } = await all.create({ type: SecretType.CLOUD_CREDENTIAL, data: dataOf({ access_key: "one" }) });
    const data = dataOf({ access_key: "two" });
    expect((await all.update(uuid, { data, expectedVersion: 1n }))?.version).toBe(2n);
    for (const expectedVersion of [1n, 3n, -1n, 2n ** 63n - 1n]) {
      const stale = await refusal(all.update(uuid, { description: "x", expectedVersion }));
      expect(stale).toMatchObject({ code: "Aborted", message: expect.stringContaining("has version 2 now") });
    }
    expect((await all.get(uuid))?.description).toBe("");
  });

  it("is deleted with all of its versions [platz.deleteSecret, pds.delete-backup-credentials]", async () => {
    const { uuid, name } = await all.create();
    await all.update(uuid, { data: dataOf({ key: "next" }) });
    expect((await all.delete(uuid)).secret).toMatchObject({ uuid, name, version: 2n, keys: ["key"] });
    for (const version of [1n, 2n]) expect(await codeOf(all.reveal(uuid, { version }))).toBe("NotFound");
    expect(await codeOf(all.delete(uuid))).toBe("NotFound");
    expect((await all.create({ name })).version).toBe(1n);
  });

  it("has a name of its own in its collection", async () => {
    const environment = await newEnvironment();
    const places = [{}, { collection: "a" }, { environment }, { environment, collection: "a" }];
    for (const place of places) await all.create({ name: "db", ...place });
    for (const place of places) {
      expect(await refusal(all.create({ name: "db", ...place }))).toMatchObject({
        code: "AlreadyExists",
        message: "there is a secret db in that collection already",
      });
    }
    await secretsOf(platform, await platform.newTenant()).create({ name: "db" });
  });

  it("is in an environment of its project, or none", async () => {
    const foreign = await environmentsOf(platform, await platform.newTenant()).create();
    for (const environment of [missing, foreign.uuid]) {
      expect(await refusal(all.create({ environment }))).toMatchObject({
        code: "NotFound",
        message: `environment ${environment} does not exist`,
      });
    }
    expect(await codeOf(all.create({ environment: "prod" }))).toBe("InvalidArgument");
  });
});

describe("Reveal", () => {
  it("answers one value alone [pds.get-backup-credentials-cloud-config]", async () => {
    const data = dataOf({ region: "eu", secret_key: "hush" });
    const { uuid } = await all.create({ type: SecretType.CLOUD_CREDENTIAL, data });
    expect(await all.reveal(uuid, { key: "region" })).toEqual({ version: 1n, values: { region: "eu" } });
    const none = await refusal(all.reveal(uuid, { key: "hush" }));
    expect(none).toMatchObject({ code: "NotFound", message: `version 1 of secret ${uuid} has no such key` });
  });

  it("knows the versions that there are", async () => {
    const { uuid } = await all.create();
    for (const version of [2n, 1_001n, 2n ** 63n - 1n]) {
      expect(await refusal(all.reveal(uuid, { version }))).toMatchObject({
        code: "NotFound",
        message: `secret ${uuid} has no version ${version}`,
      });
    }
    expect(await codeOf(all.reveal(uuid, { version: 0n }))).toBe("InvalidArgument");
    expect(await codeOf(all.reveal(missing))).toBe("NotFound");
  });

  it("answers bytes as they came, 1 MiB of them", async () => {
    const bytes = new Uint8Array(1_048_576).map((_, i) => (i * 31 + (i >> 8)) % 256);
    const [one, two] = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)];
    const { uuid } = await all.create({ data: { values: { one, two } } });
    const { data } = await all.client.reveal({ project: tenant.project, uuid }, all.owner);
    expect(Buffer.from(data?.values.one ?? []).equals(one)).toBe(true);
    expect(Buffer.from(data?.values.two ?? []).equals(two)).toBe(true);
    const more = { values: { one, two, three: new Uint8Array(1) } };
    expect(await refusal(all.create({ data: more }))).toMatchObject({
      code: "InvalidArgument",
      fields: ["data.values"],
    });
    expect(await codeOf(all.update(uuid, { data: more }))).toBe("InvalidArgument");
  });

  it("is not for viewers", async () => {
    const { uuid } = await all.create();
    expect(await codeOf(all.reveal(uuid, {}, as(tenant.tokens.viewer)))).toBe("PermissionDenied");
    expect(await codeOf(all.reveal(uuid, {}, as(tenant.tokens.editor)))).toBe("OK");
  });
});

describe("content that a type does not bear", () => {
  const { OPAQUE, REGISTRY } = SecretType;
  const registry = { server: "registry.example.org:5000", username: "robot", password: "a:b c" };

  it.each([
    ["no values", OPAQUE, {}],
    ["a key with a slash", OPAQUE, { "a/b": "" }],
    ["an empty key", OPAQUE, { "": "" }],
    ["a long key", OPAQUE, { ["k".repeat(254)]: "" }],
    ["the key .", OPAQUE, { ".": "" }],
    ["the key ..", OPAQUE, { a: "", "..": "" }],
    ["a key that begins with ..", OPAQUE, { "..data": "" }],
    ["101 keys", OPAQUE, Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, ""]))],
    ["a registry without a password", REGISTRY, { server: "a", username: "b" }],
    ["a registry with an empty password", REGISTRY, { ...registry, password: "" }],
    ["a registry with more than that", REGISTRY, { ...registry, email: "a@example.org" }],
    ["a registry with a space in its server", REGISTRY, { ...registry, server: "a b" }],
    ["a registry with a colon in its user", REGISTRY, { ...registry, username: "a:b" }],
    ["a registry with lines", REGISTRY, { ...registry, password: "a\nb" }],
  ])("%s is refused, and no value is repeated", async (_, type, values) => {
    const { code, message } = await refusal(all.create({ type, data: dataOf(values) }));
    expect(code).toBe("InvalidArgument");
    for (const value of Object.values(values)) if (value.length > 2) expect(message).not.toContain(value);
  });

  it("a registry with all it needs is taken, and keeps that form", async () => {
    const { uuid, keys } = await all.create({ type: REGISTRY, data: dataOf(registry) });
    expect(keys).toEqual(["password", "server", "username"]);
    expect(await codeOf(all.update(uuid, { data: dataOf({ password: "only" }) }))).toBe("InvalidArgument");
    const bytes = { ...dataOf(registry).values, password: new Uint8Array([0xff]) };
    expect((await refusal(all.update(uuid, { data: { values: bytes } }))).fields).toEqual(['data.values["password"]']);
    expect((await all.get(uuid))?.version).toBe(1n);
  });

  it("the key __proto__ is refused, not lost", async () => {
    const { uuid } = await all.create();
    // A client of JavaScript would lose it itself.
    for (const [method, named] of [
      ["Create", { name: newName(), type: "SECRET_TYPE_OPAQUE" }],
      ["Update", { uuid }],
    ] as const) {
      const values = JSON.parse('{ "__proto__": "AQ==", "a": "AQ==" }');
      const body = JSON.stringify({ project: tenant.project, ...named, data: { values } });
      const path = `/deploy.v1.SecretService/${method}`;
      const { code } = await postTo(platform, path, "application/json", body, tenant.tokens.owner);
      expect(code).toBe("invalid_argument");
    }
    expect((await all.get(uuid))?.version).toBe(1n);
  });

  it("no content or no type neither", async () => {
    const order = { project: tenant.project, name: newName(), type: OPAQUE, data: dataOf({ a: "b" }) };
    expect((await refusal(all.client.create({ ...order, data: undefined }, all.owner))).fields).toEqual(["data"]);
    for (const type of [SecretType.UNSPECIFIED, 99]) {
      expect((await refusal(all.client.create({ ...order, type }, all.owner))).fields).toEqual(["type"]);
    }
    for (const name of ["", "A", "-a", "a_b", "x".repeat(254)])
      expect(await codeOf(all.create({ name }))).toBe("InvalidArgument");
    for (const collection of ["A", "a.b", "-"])
      expect(await codeOf(all.create({ collection }))).toBe("InvalidArgument");
    expect((await refusal(all.create({ labels: { "a/": "" } }))).fields).toEqual(["labels"]);
  });
});
