import {
  type CryptoKey,
  decodeJwt,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { VersionService } from "../../gen/ts/api/v1/version_pb.js";
import { signingKeys } from "../../src/auth/table.js";
import { issueToken } from "../../src/resources/api/token/issue.js";
import { codeOf, refusal } from "../resources/support/refusals.js";
import { tokensOf } from "../resources/support/tokens.js";
import { as, startPlatform, type TestPlatform } from "../support/platform.js";

const noToken = "it was revoked, or there is no such token";

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
  const header64 = () => encode(header());
  const payload64 = () => encode(payload());
  const idOf = (token: string) => decodeJwt(token).jti ?? "";
  /** Signed by a key that is not the server's. */
  const foreign = async ({ jwk = false } = {}) => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const brought = jwk ? { jwk: await exportJWK(publicKey) } : {};
    return new SignJWT(payload()).setProtectedHeader({ ...header(), ...brought }).sign(privateKey);
  };

  /** What it is, how it is made, and the reason that the refusal names. */
  const tokens: [string, () => string | Promise<string>, string][] = [
    ["garbage", () => "garbage", "it is malformed"],
    ["three dots", () => "a.b.c", "it is malformed"],
    ["more dots", () => `${good}.${signature()}`, "it is malformed"],
    ["dots alone", () => "....", "it is malformed"],
    ["letters of no alphabet of tokens", () => "\u00e9\u00fc.\u00df\u00f8.\u00e5", "it is malformed"],
    ["a good one with a foreign letter", () => `${good.slice(0, -3)}\u00e9${good.slice(-2)}`, "it is malformed"],
    ["no JSON", () => `${Buffer.from("{").toString("base64url")}.e30.e30`, "it is malformed"],
    ["an empty header", () => `${encode({})}.${encode({})}.`, "its key is unknown"],
    ["a header of null", () => `${encode(null)}.${encode({})}.x`, "it is malformed"],
    [
      "a key id that is no text",
      () => `${encode({ ...header(), kid: { $ne: "" } })}.${encode(payload())}.${signature()}`,
      "its key is unknown",
    ],
    [
      "an unknown key",
      () => `${encode({ ...header(), kid: "nobody" })}.${encode(payload())}.${signature()}`,
      "its key is unknown",
    ],
    ["a signature of a foreign key, with the good one's id", () => foreign(), "its signature is wrong"],
    ["the key that the token itself brings", () => foreign({ jwk: true }), "its signature is wrong"],
    ["a signature that was cut", () => good.slice(0, -4), "its signature is wrong"],
    [
      "a payload that was cut",
      () => `${header64()}.${payload64().slice(0, -8)}.${signature()}`,
      "its signature is wrong",
    ],
    ["the first half", () => good.slice(0, good.length / 2), "it is malformed"],
    ["no signature", () => `${good.slice(0, good.lastIndexOf("."))}.`, "its signature is wrong"],
    [
      "a signature of another token",
      () => `${good.slice(0, good.lastIndexOf("."))}.${platform.tokens.viewer.split(".")[2]}`,
      "its signature is wrong",
    ],
    [
      "another subject",
      () => `${header64()}.${encode({ ...payload(), sub: "root" })}.${signature()}`,
      "its signature is wrong",
    ],
    ["alg none", () => new UnsecuredJWT(payload()).encode(), "its key is unknown"],
    [
      "alg none with the key's id",
      () => `${encode({ ...header(), alg: "none" })}.${payload64()}.`,
      "its algorithm is not ES256",
    ],
    [
      "HS256 with the public key as its secret",
      async () => {
        const secret = new TextEncoder().encode(await exportSPKI(await publicKey()));
        return new SignJWT(payload()).setProtectedHeader({ ...header(), alg: "HS256" }).sign(secret);
      },
      "its algorithm is not ES256",
    ],
    ["the issuer of another server", () => sign({ iss: "https://elsewhere.example" }), "its iss claim does not hold"],
    ["no issuer", () => sign({ iss: undefined }), "it has no iss claim"],
    ["another audience", () => sign({ aud: "https://elsewhere.example" }), "its aud claim does not hold"],
    ["other audiences", () => sign({ aud: ["https://elsewhere.example", "b"] }), "its aud claim does not hold"],
    ["an audience that is no text", () => sign({ aud: 7 }), "its aud claim does not hold"],
    ["no audience at all, as a list", () => sign({ aud: [] }), "its aud claim does not hold"],
    ["an expiry in the past", () => sign({ exp: now() - 1 }), "it has expired"],
    ["an expiry long ago", () => sign({ exp: now() - 1_000 }), "it has expired"],
    ["an expiry that is no number", () => sign({ exp: "never" }), "its exp claim does not hold"],
    ["no expiry", () => sign({ exp: undefined }), "it has no exp claim"],
    ["a beginning in the future", () => sign({ nbf: now() + 600 }), "it is not valid yet"],
    ["a beginning that is no number", () => sign({ nbf: "soon" }), "its nbf claim does not hold"],
    ["an unknown type", () => sign({ type: "god" }), "its type is unknown"],
    ["the other type", () => sign({ type: "console" }), "its type claim does not hold"],
    ["no type", () => sign({ type: undefined }), "it has no type claim"],
    ["an id that there is not", () => sign({ jti: platform.project }), noToken],
    ["the id of somebody else's token", () => sign({ jti: idOf(platform.adminToken) }), noToken],
    ["an id that is no uuid", () => sign({ jti: "'; drop table tokens; --" }), "its claims are malformed"],
    ["no id", () => sign({ jti: undefined }), "it has no jti claim"],
    ["no owner", () => sign({ sub: undefined }), "it has no sub claim"],
    ["an owner that is no text", () => sign({ sub: 7 }), "it is malformed"],
    ["an owner that there is not", () => sign({ sub: "nobody" }), noToken],
    ["an owner with U+0000", () => sign({ sub: "a\u0000b" }), "its claims are malformed"],
    ["an owner who has not this token", () => sign({ sub: "root" }), noToken],
    ["5 KB", () => sign({ more: "x".repeat(5_000) }), "it is too long"],
    ["an API key that is cut", () => "slipk_0195c0de00007000800000000000000c_abc", "it is malformed"],
    ["an API key without id", () => `slipk_${"x".repeat(75)}`, "it is malformed"],
    [
      "an API key that there is not",
      () => `slipk_0195c0de00007000800000000000000c_${"A".repeat(43)}`,
      "there is no such API key, or it was disabled",
    ],
    [
      "another secret of this server",
      () => `slipr_0195c0de00007000800000000000000c_${"A".repeat(43)}`,
      "it is malformed",
    ],
  ];

  it.each(tokens)("is UNAUTHENTICATED: %s", async (_, token, reason) => {
    const text = await token();
    expect(await refusal(call(text))).toEqual({
      code: "Unauthenticated",
      message: `the token is not valid: ${reason}`,
      fields: [],
    });
    if (text.length > 20) expect(JSON.stringify(platform.lines)).not.toContain(text);
  });

  it("that was revoked, by its id as by its owner", async () => {
    const { client } = tokensOf(platform);
    const { token, secret } = await client.create({ description: "to be revoked" }, as(good));
    await client.revoke({ uuid: token?.uuid ?? "" }, as(good));
    await expect
      .poll(() => refusal(platform.client(TokenService).list({}, as(secret))))
      .toMatchObject({ code: "Unauthenticated", message: `the token is not valid: ${noToken}` });
  });

  it("does not matter to a method that is open to everybody", async () => {
    expect(await codeOf(platform.client(VersionService).get({}, as("garbage")))).toBe("OK");
  });

  it("leaves the good one alone", async () => {
    expect(await codeOf(call(good))).toBe("OK");
    for (const aud of [undefined, platform.url, ["https://elsewhere.example", platform.url]]) {
      expect(await codeOf(call(await sign({ aud })))).toBe("OK");
    }
    // The clocks of servers may differ a little.
    expect(await codeOf(call(await sign({ nbf: now() + 2 })))).toBe("OK");
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
