import { randomBytes } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { createKeyring } from "../../src/auth/keyring.js";
import { removeSigningKey } from "../../src/auth/remove-signing-key.js";
import { resealAll } from "../../src/auth/reseal.js";
import { addSigningKey, createSigningKeys } from "../../src/auth/signing-keys.js";
import { signingKeys } from "../../src/auth/table.js";
import { invites } from "../../src/resources/api/invite/table.js";
import { issueToken } from "../../src/resources/api/token/issue.js";
import { shellInputs, shellSessions } from "../../src/resources/deploy/runtime/table.js";
import { holdersOf } from "../resources/iam/access/holders.js";
import { codeOf, refusal } from "../resources/support/refusals.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";
import { type SecondServer, startSecond } from "./support/second.js";

let platform: TestPlatform;
let second: SecondServer;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  second = await startSecond(platform);
});
afterAll(async () => {
  await second?.close();
  await platform?.close();
});

const kidOf = (token: string) => decodeProtectedHeader(token).kid ?? "";
const published = async (url = platform.url) =>
  (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
const publishedIds = async (url?: string) => (await published(url)).keys.map(({ kid }) => kid);
const db = () => platform.platform.db;
/** A new token, which the key that signs on the first server signs. */
const newToken = () =>
  platform.token({
    owner: platform.tenant,
    projectRoles: { "*": "owner" },
    tenantRoles: { "*": "owner" },
    adminRole: null,
  });
const add = (signsIn = 0) => addSigningKey(db(), platform.platform.keyring, new Date(), signsIn);

describe("the published keys", () => {
  it("verify the tokens, may be cached, and have public members only", async () => {
    await platform.platform.tokens.sign({
      tokenId: platform.project,
      user: "somebody",
      type: "api",
      issuedAt: new Date(),
      expiresAt: new Date(),
    });
    const response = await fetch(`${platform.url}/.well-known/jwks.json`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/jwk-set+json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
    const keys = (await response.json()) as JSONWebKeySet;
    expect(keys.keys.length).toBeGreaterThan(0);
    for (const key of keys.keys) {
      expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
      expect(key).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
    }
    const { payload } = await jwtVerify(platform.tokens.owner, createLocalJWKSet(keys), { issuer: platform.url });
    expect(payload.sub).toBe(platform.tenant);
  });

  it("take no other method, and promise no OpenID provider", async () => {
    expect((await fetch(`${platform.url}/.well-known/jwks.json`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${platform.url}/.well-known/openid-configuration`)).status).toBe(404);
  });
});

describe("a new key", () => {
  it("is published at once, signs when its time has come, and the old one goes on to verify", async () => {
    const old = kidOf(await newToken());
    const soon = await add(3_600);
    await expect.poll(() => publishedIds(), { timeout: 10_000 }).toContain(soon);
    await expect.poll(() => publishedIds(second.url), { timeout: 10_000 }).toContain(soon);
    expect(kidOf(await newToken())).toBe(old);

    await db().update(signingKeys).set({ signsFrom: new Date() }).where(eq(signingKeys.kid, soon));
    await expect.poll(async () => kidOf(await newToken()), { timeout: 10_000 }).toBe(soon);
    expect(await second.list(await newToken())).toBe("OK");
    expect(await second.list(platform.tokens.owner)).toBe("OK");
  });

  it("signs by the clock alone, without another look at the database", async () => {
    let now = Date.now();
    const { keyring } = platform.platform;
    const keys = createSigningKeys(db(), keyring, () => new Date(now));
    const before = (await keys.signer()).kid;
    const later = await addSigningKey(db(), keyring, new Date(now), 600);
    keys.forget();
    expect((await keys.signer()).kid).toBe(before);
    now += 600_000;
    expect((await keys.signer()).kid).toBe(later);
    await removeSigningKey(db(), later, new Date(), true);
  });

  it("is taken by a server that has not heard of it yet", async () => {
    const fresh = await add();
    const { secret } = await platform
      .client(TokenService, second.transport)
      .create({ description: "from the second" }, as(platform.tokens.owner));
    expect(await codeOf(platform.client(TokenService).list({}, as(secret)))).toBe("OK");
    await expect.poll(async () => kidOf(await newToken()), { timeout: 10_000 }).toBe(fresh);
  });

  it("is made once where there is none, by whoever signs first", async () => {
    const own = await startPlatform({ background: false });
    try {
      await own.platform.db.delete(signingKeys);
      const keys = createSigningKeys(own.platform.db, own.platform.keyring, () => new Date());
      const signers = await Promise.all(Array.from({ length: 5 }, () => keys.signer()));
      expect(new Set(signers.map(({ kid }) => kid)).size).toBe(1);
      expect(await own.platform.db.$count(signingKeys)).toBe(1);
    } finally {
      await own.close();
    }
  });
});

describe("a key that is removed", () => {
  let old: string;
  let token: string;
  beforeEach(async () => {
    old = await add();
    await expect.poll(async () => kidOf(await newToken()), { timeout: 10_000 }).toBe(old);
    token = await newToken();
    expect(await second.list(token)).toBe("OK");
  });

  it("stops to verify on every server at once, and streams end", async () => {
    const client = platform.client(ClusterService, second.transport);
    const watching = codeOf(
      (async () => {
        const options = { ...as(token), timeoutMs: 20_000 };
        for await (const _ of client.watchStatus({ project: platform.project }, options));
      })(),
    );
    await add();
    await removeSigningKey(db(), old, new Date(), true);
    await expect.poll(() => second.list(token), { timeout: 10_000 }).toBe("Unauthenticated");
    expect(await refusal(platform.client(TokenService).list({}, as(token)))).toMatchObject({
      code: "Unauthenticated",
      message: "the token is not valid: its key is unknown",
    });
    expect(await watching).toBe("Unauthenticated");
    for (const url of [platform.url, second.url]) expect(await publishedIds(url)).not.toContain(old);
    expect(await second.list(platform.tokens.owner)).toBe("OK");
  });

  it("may not sign still, nor have signed a token that is alive", async () => {
    const remove = () => removeSigningKey(db(), old, new Date(), false);
    await expect(remove()).rejects.toMatchObject({ kind: "precondition", message: expect.stringContaining("signs") });
    await add();
    await expect(remove()).rejects.toMatchObject({ kind: "precondition", message: expect.stringContaining("alive") });
    expect(await second.list(token)).toBe("OK");
    await expect(removeSigningKey(db(), "nobody", new Date(), true)).rejects.toMatchObject({ kind: "missing" });
  });

  it("goes without force when its tokens have ended", async () => {
    const { keyring, tokens, newId } = platform.platform;
    const long = new Date(Date.now() - 90 * 86_400_000);
    const ancient = await addSigningKey(db(), keyring, long);
    const after = await addSigningKey(db(), keyring, new Date(long.getTime() + 86_400_000));
    const order = { owner: platform.tenant, type: "api", permissions: {}, description: "of old" } as const;
    const grants = { projectRoles: {}, tenantRoles: {}, adminRole: null };
    const at = new Date(long.getTime() + 3_600_000);
    const { row } = await issueToken(db(), tokens, {
      ...order,
      ...grants,
      id: newId(),
      now: at,
      seconds: 365 * 86_400,
    });
    const remove = () => removeSigningKey(db(), ancient, new Date(), false);
    await expect(remove()).rejects.toMatchObject({
      kind: "precondition",
      message: expect.stringMatching(/^1 token is/),
    });
    await platform.client(TokenService).revoke({ uuid: row.id }, as(platform.tokens.owner));
    await remove();
    await removeSigningKey(db(), after, new Date(), true);
    expect(await publishedIds()).toContain(old);
  });

  it("can be taken back before its time has come", async () => {
    const prepared = await add(3_600);
    await removeSigningKey(db(), prepared, new Date(), false);
    await expect.poll(() => publishedIds(), { timeout: 10_000 }).not.toContain(prepared);
  });
});

describe("the seals", () => {
  const key = (id: string) => ({ id, key: new Uint8Array(randomBytes(32)) });

  it("change to the newest key, everything stays readable, and a second time there is nothing to do", async () => {
    const own = await startPlatform({ background: false });
    try {
      const [first] = own.config.keyring;
      if (first === undefined) throw new Error("the test's keyring is empty");
      const next = key("next");
      const both = createKeyring([next, first]);
      const only = createKeyring([next]);
      const stamps = { createdBy: own.tenant, createdAt: new Date(), expiresAt: new Date(Date.now() + 60_000) };
      const many = Array.from({ length: 450 }, (_, i) => `secret ${i}`);
      const { keyring } = own.platform;
      const invite = (digest: string, sealed: string) =>
        ({ digest, sealed, tenant: own.tenant, role: "viewer", ...stamps }) as const;
      const rows = await Promise.all(many.map(async (secret, i) => invite(`digest ${i}`, await keyring.seal(secret))));
      await own.platform.db.insert(invites).values([...rows, invite("x", await only.seal("new"))]);

      const results = await resealAll(own.platform.db, both);
      expect(results.find(({ column }) => column === "invites.sealed")).toMatchObject({ resealed: 450, unopened: 0 });
      expect(results.find(({ column }) => column === "signing_keys.private_jwe")?.resealed).toBeGreaterThan(0);
      const stored = await own.platform.db.select().from(invites);
      const opened = await Promise.all(stored.map(({ sealed }) => only.open(sealed)));
      expect(opened.sort()).toEqual([...many, "new"].sort());
      expect((await createSigningKeys(own.platform.db, only, () => new Date()).signer()).kid).toBe(
        kidOf(own.tokens.owner),
      );
      expect((await resealAll(own.platform.db, both)).every(({ resealed }) => resealed === 0)).toBe(true);
      // Whoever has lost the old key is told, and nothing is harmed.
      expect(await resealAll(own.platform.db, createKeyring([key("other")]))).toContainEqual({
        column: "invites.sealed",
        resealed: 0,
        unopened: 451,
      });
    } finally {
      await own.close();
    }
  });

  it("change where a table has no other key, too", async () => {
    const own = await startPlatform({ background: false });
    try {
      const { db: database, keyring, newId } = own.platform;
      const [session, deployment, now] = [newId(), await holdersOf(own).part(own), new Date()];
      await database
        .insert(shellSessions)
        .values({ id: session, deployment, principal: "a", openedAt: now, aliveAt: now });
      const texts = Array.from({ length: 35 }, (_, number) => `input ${number}`);
      const inputs = texts.map(async (text, number) => ({ session, number, inputSealed: await keyring.seal(text) }));
      await database.insert(shellInputs).values(await Promise.all(inputs));
      const next = key("next");
      const only = createKeyring([next]);
      expect(await resealAll(database, createKeyring([next, ...own.config.keyring]))).toContainEqual({
        column: "shell_inputs.input_sealed",
        resealed: 35,
        unopened: 0,
      });
      const stored = await database.select().from(shellInputs).orderBy(shellInputs.number);
      expect(await Promise.all(stored.map(({ inputSealed }) => only.open(inputSealed)))).toEqual(texts);
    } finally {
      await own.close();
    }
  });

  it("are on every column that is sealed, by its name", async () => {
    const { rows } = await db().execute<{ name: string }>(sql`
      select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'public' and (column_name like '%sealed%' or column_name like '%jwe%') order by 1`);
    const columns = (await resealAll(db(), platform.platform.keyring)).map(({ column }) => column);
    expect(columns.sort()).toEqual(rows.map(({ name }) => name));
  });
});
