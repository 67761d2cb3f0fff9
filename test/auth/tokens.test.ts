import { createGrpcTransport } from "@connectrpc/connect-node";
import { type CryptoKey, exportSPKI, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { addSigningKey } from "../../src/auth/signing-keys.js";
import { signingKeys } from "../../src/auth/table.js";
import { serveApi, urlOf } from "../../src/commands/api.js";
import { openPlatform } from "../../src/process.js";
import { issueToken } from "../../src/resources/api/token/issue.js";
import { codeOf, refusal } from "../resources/support/refusals.js";
import { openAgain } from "../support/database.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
let good: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  good = platform.tokens.owner;
});
afterAll(() => platform.close());

const call = (token: string) => platform.client(ClusterService).list({ project: platform.project }, as(token));
const decoded = (part: number) => JSON.parse(Buffer.from(good.split(".")[part] ?? "", "base64url").toString());
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a token that does not hold", () => {
  const header = () => decoded(0);
  const payload = () => decoded(1);
  const signature = () => good.split(".")[2] ?? "";
  const publicKey = async () => {
    const [row] = await platform.platform.db.select().from(signingKeys);
    return (await importJWK(row?.publicJwk ?? {}, "ES256", { extractable: true })) as CryptoKey;
  };
  const sign = async (claims: object) => {
    const { key, kid } = await signer();
    return new SignJWT({ ...payload(), ...claims }).setProtectedHeader({ ...header(), kid }).sign(key);
  };
  /** The server's own key: what its signature alone would prove. */
  const signer = async () => {
    const [row] = await platform.platform.db.select().from(signingKeys);
    const jwk = JSON.parse(await platform.platform.keyring.open(row?.privateJwe ?? ""));
    return { kid: row?.kid ?? "", key: await importJWK(jwk, "ES256") };
  };
  const now = () => Math.floor(Date.now() / 1000);

  const tokens: [string, () => string | Promise<string>][] = [
    ["garbage", () => "garbage"],
    ["three dots", () => "a.b.c"],
    ["no JSON", () => `${Buffer.from("{").toString("base64url")}.e30.e30`],
    ["an empty header", () => `${encode({})}.${encode({})}.`],
    ["a header of null", () => `${encode(null)}.${encode({})}.x`],
    [
      "a key id that is no text",
      () => `${encode({ ...header(), kid: { $ne: "" } })}.${encode(payload())}.${signature()}`,
    ],
    ["an unknown key", () => `${encode({ ...header(), kid: "nobody" })}.${encode(payload())}.${signature()}`],
    ["a signature that was cut", () => good.slice(0, -4)],
    ["no signature", () => `${good.slice(0, good.lastIndexOf("."))}.`],
    [
      "a signature of another token",
      () => `${good.slice(0, good.lastIndexOf("."))}.${platform.tokens.viewer.split(".")[2]}`,
    ],
    ["another subject", () => `${encode(header())}.${encode({ ...payload(), sub: "root" })}.${signature()}`],
    ["alg none", () => new UnsecuredJWT(payload()).encode()],
    ["alg none with the key's id", () => `${encode({ ...header(), alg: "none" })}.${encode(payload())}.`],
    [
      "HS256 with the public key as its secret",
      async () => {
        const secret = new TextEncoder().encode(await exportSPKI(await publicKey()));
        return new SignJWT(payload()).setProtectedHeader({ ...header(), alg: "HS256" }).sign(secret);
      },
    ],
    ["the issuer of another server", () => sign({ iss: "https://elsewhere.example" })],
    ["no issuer", () => sign({ iss: undefined })],
    ["an expiry in the past", () => sign({ exp: now() - 1 })],
    ["an expiry that is no number", () => sign({ exp: "never" })],
    ["a beginning in the future", () => sign({ nbf: now() + 600 })],
    ["an unknown type", () => sign({ type: "god" })],
    ["no type", () => sign({ type: undefined })],
    ["an id that there is not", () => sign({ jti: platform.project })],
    ["an id that is no uuid", () => sign({ jti: "'; drop table tokens; --" })],
    ["an owner that there is not", () => sign({ sub: "nobody" })],
    ["an owner with U+0000", () => sign({ sub: "a\u0000b" })],
    ["an owner who has not this token", () => sign({ sub: "root" })],
    ["5 KB", () => sign({ more: "x".repeat(5_000) })],
  ];

  it.each(tokens)("is UNAUTHENTICATED: %s", async (_, token) => {
    const text = await token();
    const refused = await refusal(call(text));
    expect(refused.code).toBe("Unauthenticated");
    expect(refused.message).toMatch(/^the token is not valid: /);
    if (text.length > 20) expect(JSON.stringify(platform.lines)).not.toContain(text);
  });

  it("leaves the good one alone", async () => {
    expect(await codeOf(call(good))).toBe("OK");
    expect(await codeOf(call(await sign({})))).toBe("OK");
    expect(platform.lines.filter(({ msg }) => msg === "defect")).toEqual([]);
  });

  it.each(["Basic cm9vdDpyb290", "Bearer", "Bearer ", "bearer", "Bearer a b", "Token x"])(
    "header %j",
    async (authorization) => {
      const client = platform.client(ClusterService);
      expect(await codeOf(client.list({ project: platform.project }, { headers: { authorization } }))).toBe(
        "Unauthenticated",
      );
    },
  );
});

describe("a token that has expired", () => {
  it("is UNAUTHENTICATED, though it is stored still", async () => {
    const { db, tokens, newId } = platform.platform;
    const grant = { owner: platform.tenant, projectRoles: { "*": "owner" as const }, tenantRoles: {}, adminRole: null };
    const now = new Date(Date.now() - 3_600_000);
    const order = { ...grant, id: newId(), type: "api", permissions: {}, description: "old" } as const;
    const { secret: old } = await issueToken(db, tokens, { ...order, now, seconds: 3_599 });
    expect(await refusal(call(old))).toMatchObject({
      code: "Unauthenticated",
      message: expect.stringContaining("expired"),
    });
    const { tokens: listed } = await platform.client(TokenService).list({}, as(good));
    expect(listed.map(({ description }) => description)).not.toContain("old");
  });
});

describe("a second server on the same database", () => {
  /** As another replica would run: on PostgreSQL with connections of its own. */
  async function startSecond() {
    const { url, server: shared } = platform.database;
    const server = url === undefined ? shared : openAgain(url);
    const open = await openPlatform({
      ...platform.config,
      server,
      log: platform.platform.log,
      issuer: () => platform.url,
      kubeconfig: platform.kube.kubeconfig,
    });
    const api = await serveApi(open, server, platform.config, platform.config.listen);
    const transport = createGrpcTransport({ baseUrl: urlOf(api.address, false) });
    return {
      open,
      list: (token: string) =>
        codeOf(platform.client(ClusterService, transport).list({ project: platform.project }, as(token))),
      create: (token: string) =>
        platform.client(TokenService, transport).create({ description: "from the second" }, as(token)),
      async close() {
        await api.stop();
        await open.close();
        if (server !== shared) await server.close();
      },
    };
  }

  it("takes the tokens of the first, until they are revoked there", async () => {
    const second = await startSecond();
    try {
      const { token, secret } = await platform
        .client(TokenService)
        .create({ description: "short-lived", projectRoles: { [platform.project]: 3 } }, as(good));
      expect(await second.list(secret)).toBe("OK");
      await platform.client(TokenService).revoke({ uuid: token?.uuid ?? "" }, as(good));
      await expect.poll(() => second.list(secret), { timeout: 10_000 }).toBe("Unauthenticated");
      expect(await codeOf(call(secret))).toBe("Unauthenticated");
    } finally {
      await second.close();
    }
  });

  it("signs with a new key, and the first takes that at once", async () => {
    const { db, keyring, clock } = platform.platform;
    await addSigningKey(db, keyring, clock());
    const second = await startSecond();
    try {
      const { secret } = await second.create(good);
      expect(JSON.parse(Buffer.from(secret.split(".")[0] ?? "", "base64url").toString()).kid).not.toBe(decoded(0).kid);
      expect(await codeOf(platform.client(TokenService).list({}, as(secret)))).toBe("OK");
      expect(await second.list(good)).toBe("OK");
    } finally {
      await second.close();
    }
  });
});
