import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { AdminRole, ProjectRole, TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { newSecret } from "../../../../src/auth/secrets.js";
import { credentials } from "../../../../src/resources/iam/credential/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { type Asked, tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
let other: TestTenant;
let tokens: ReturnType<typeof tokensOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  tokens = tokensOf(platform);
});
afterAll(() => platform.close());

const listWith = (secret: string, project = platform.project) =>
  codeOf(platform.client(ClusterService).list({ project }, as(secret)));

/** An API key of the tenant's owner. */
async function apiKey(principal = platform.tenant): Promise<{ readonly id: string; readonly secret: string }> {
  const { db, newId, clock } = platform.platform;
  const id = newId();
  const { secret, digest } = newSecret("apiKey", id);
  const now = clock();
  const stamps = { rotatedAt: now, createdAt: now, createdBy: principal };
  await db.insert(credentials).values({ id, principal, kind: "api_key", name: id, digest, ...stamps });
  return { id, secret };
}

describe("what carries all that its owner has", () => {
  it.each(["a console token", "an API key"])("%s may give that away, but no admin role", async (kind) => {
    const by = kind === "an API key" ? (await apiKey()).secret : await tokens.console(platform.tenant);
    const everything: Asked = { roles: [{ subject: "*", role: "owner" }] };
    const { token, secret } = await tokens.create(everything, by);
    const update = (change: Omit<Asked, "roles" | "expires">) =>
      tokens.client.update({ uuid: token?.uuid ?? "", ...change }, as(by));
    expect(token?.userId).toBe(platform.tenant);
    expect(await listWith(secret)).toBe("OK");
    expect(await listWith(secret, other.project)).toBe("PermissionDenied");
    expect(await codeOf(update({ projectRoles: { [platform.project]: ProjectRole.OWNER } }))).toBe("OK");
    for (const beyond of [
      { projectRoles: { [other.project]: ProjectRole.VIEWER } },
      { tenantRoles: { [other.tenant]: TenantRole.GUEST } },
      { adminRole: AdminRole.VIEWER },
    ]) {
      expect(await codeOf(tokens.create(beyond, by))).toBe("PermissionDenied");
      expect(await codeOf(update(beyond))).toBe("PermissionDenied");
    }
  });

  it("an operator's API key is no operator's", async () => {
    const { secret } = await apiKey("root");
    expect(await codeOf(tokens.create({ adminRole: AdminRole.VIEWER }, secret))).toBe("PermissionDenied");
  });

  it("an API key that is disabled gives nothing away any more", async () => {
    const { id, secret } = await apiKey();
    expect(await codeOf(tokens.create({}, secret))).toBe("OK");
    expect(await codeOf(tokens.client.update({ uuid: id }, as(secret)))).toBe("NotFound");
    const { db } = platform.platform;
    await db.update(credentials).set({ enabled: false }).where(eq(credentials.id, id));
    expect(await codeOf(tokens.create({}, secret))).toBe("Unauthenticated");
  });
});
