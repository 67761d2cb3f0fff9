import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TokenService as AdminTokenService } from "../../../../gen/ts/admin/v1/token_pb.js";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { issueToken } from "../../../../src/resources/api/token/issue.js";
import { sessions } from "../../../../src/resources/iam/auth/table.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let other: TestTenant;
let viewer: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  await principalStore.ensureUser(platform.platform.db, "watcher", new Date(), "viewer");
  viewer = await platform.token({ owner: "watcher", projectRoles: {}, tenantRoles: {}, adminRole: "viewer" });
});
afterAll(() => platform.close());

const admin = () => platform.client(AdminTokenService);

describe("operators", () => {
  it("see the live tokens of all users, or of one, without secrets", async () => {
    const { token, secret } = await tokensOf(platform).create({});
    for (const by of [platform.adminToken, viewer]) {
      const { tokens } = await admin().list({}, as(by));
      expect(new Set(tokens.map(({ userId }) => userId))).toEqual(
        new Set([platform.tenant, other.tenant, "root", "watcher"]),
      );
      const own = await admin().list({ userId: platform.tenant }, as(by));
      expect(own.tokens).toContainEqual(token);
      expect(own.tokens.every(({ userId }) => userId === platform.tenant)).toBe(true);
      const text = JSON.stringify(tokens, (_, value) => (typeof value === "bigint" ? String(value) : value));
      expect(text).not.toContain(secret.split(".")[2]);
    }
    expect((await admin().list({ userId: "nobody" }, as(platform.adminToken))).tokens).toEqual([]);
  });

  it("end a token of a user at once", async () => {
    const { token, secret } = await tokensOf(platform).create({ projectRoles: { [platform.project]: 3 } });
    const uuid = token?.uuid ?? "";
    const list = () => codeOf(platform.client(ClusterService).list({ project: platform.project }, as(secret)));
    expect(await list()).toBe("OK");
    expect(await codeOf(admin().revoke({ uuid, userId: other.tenant }, as(platform.adminToken)))).toBe("NotFound");
    expect(await list()).toBe("OK");
    expect(await codeOf(admin().revoke({ uuid, userId: platform.tenant }, as(platform.adminToken)))).toBe("OK");
    await expect.poll(list, { timeout: 10_000 }).toBe("Unauthenticated");
    expect(await codeOf(admin().revoke({ uuid, userId: platform.tenant }, as(platform.adminToken)))).toBe("NotFound");
    const { tokens } = await admin().list({ userId: platform.tenant }, as(platform.adminToken));
    expect(tokens.map((one) => one.uuid)).not.toContain(uuid);
  });

  it("alone may do so", async () => {
    const request = { uuid: platform.project, userId: other.tenant };
    for (const by of [platform.tokens.owner, await tokensOf(platform).console("root")]) {
      expect(await codeOf(admin().list({}, as(by)))).toBe("PermissionDenied");
      expect(await codeOf(admin().revoke(request, as(by)))).toBe("PermissionDenied");
    }
    expect(await codeOf(admin().list({}))).toBe("Unauthenticated");
  });
});

it("tokens of sessions are console tokens to everybody who sees them", async () => {
  const { db, tokens, newId, clock } = platform.platform;
  const session = newId();
  const now = clock();
  const owner = platform.tenant;
  const expiresAt = new Date(now.getTime() + 86_400_000);
  await db.insert(sessions).values({ id: session, principal: owner, createdAt: now, expiresAt });
  const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
  const order = { id: newId(), owner, type: "console", description: "sign-in", session, now, seconds: 600 } as const;
  const { row, secret } = await issueToken(db, tokens, { ...order, ...grants });
  const uuid = row.id;
  const { client } = tokensOf(platform);
  const wanted = { uuid, tokenType: TokenType.CONSOLE, permissions: [], projectRoles: {}, roles: [] };
  expect((await client.get({ uuid }, as(secret))).token).toMatchObject(wanted);
  const mine = await client.list({}, as(platform.tokens.owner));
  const seen = await admin().list({ userId: owner }, as(viewer));
  for (const { tokens: listed } of [mine, seen]) {
    expect(listed.find((one) => one.uuid === uuid)).toMatchObject(wanted);
  }
  await client.revoke({ uuid }, as(secret));
  await expect.poll(() => codeOf(client.list({}, as(secret))), { timeout: 10_000 }).toBe("Unauthenticated");
});
