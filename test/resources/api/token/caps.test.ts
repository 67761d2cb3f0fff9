import { and, eq, gt, isNull } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TokenService as AdminTokenService } from "../../../../gen/ts/admin/v1/token_pb.js";
import { TokenService, TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { mostTokens } from "../../../../src/resources/api/token/service.js";
import { mostListed } from "../../../../src/resources/api/token/store.js";
import { tokens } from "../../../../src/resources/api/token/table.js";
import { principalStore } from "../../../../src/resources/iam/principal/store.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { tokensOf } from "../../support/tokens.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };

it("a user has so many live API tokens and no more, however many are made at once, beside those of signing in", async () => {
  const { db, clock, newId } = platform.platform;
  const [owner, now] = ["hoarder", clock()];
  await principalStore.ensureUser(db, owner, now);
  const hour = (ends: number) => ({ issuedAt: now, expiresAt: new Date(now.getTime() + ends * 3_600_000) });
  const row = () => ({ id: newId(), owner, type: "api" as const, description: "many", ...grants, ...hour(1) });
  await db.insert(tokens).values(Array.from({ length: mostTokens - 1 }, row));
  await db.insert(tokens).values([
    { ...row(), ...hour(-1) },
    { ...row(), revokedAt: now },
    { ...row(), type: "console" },
  ]);
  const client = platform.client(TokenService);
  const { console } = tokensOf(platform);
  const callers = await Promise.all([console(owner), console(owner), console(owner)]);
  const make = (by: string) => codeOf(client.create({ description: "one more" }, as(by)));
  expect((await Promise.all(callers.map(make))).sort()).toEqual(["OK", "ResourceExhausted", "ResourceExhausted"]);
  const [by = ""] = callers;
  const refused = await refusal(client.create({ description: "one more" }, as(by)));
  expect(refused.message).toContain(`has ${mostTokens} API tokens`);
  // Others have room, and what there is can be changed.
  expect(await codeOf(tokensOf(platform).create({}))).toBe("OK");
  const listed = (await client.list({}, as(by))).tokens;
  const made = listed.find(({ description }) => description === "one more")?.uuid ?? "";
  expect(await codeOf(client.update({ uuid: made, description: "kept" }, as(by)))).toBe("OK");
  expect(await codeOf(client.revoke({ uuid: made }, as(by)))).toBe("OK");
  expect(await make(by)).toBe("OK");
  expect(await make(by)).toBe("ResourceExhausted");
});

it("a list has only so many, the newest first, and leaves out what comes from signing in before API tokens", async () => {
  const { db, clock, newId } = platform.platform;
  const [owner, now] = ["often-here", clock()];
  await principalStore.ensureUser(db, owner, now);
  const row = (type: "api" | "console", secondsAgo: number) => {
    const at = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
    const times = { issuedAt: at(-secondsAgo), expiresAt: at(3_600) };
    return { id: newId(), owner, type, description: `${type} ${secondsAgo}`, ...grants, ...times };
  };
  await db.insert(tokens).values([row("api", 9_001), row("api", 9_002)]);
  // The last of them is the oldest, and has no room.
  const logins = Array.from({ length: mostListed - 2 }, (_, i) => row("console", i + 1));
  await db.insert(tokens).values(logins.slice(0, 1_000));
  await db.insert(tokens).values(logins.slice(1_000));
  // The newest of all.
  const by = await tokensOf(platform).console(owner);
  const own = (await platform.client(TokenService).list({}, as(by))).tokens;
  const admin = platform.client(AdminTokenService);
  const seen = (await admin.list({ userId: owner }, as(platform.adminToken))).tokens;
  for (const listed of [own, seen]) {
    expect(listed).toHaveLength(mostListed);
    expect(listed[0]?.description).toBe("console");
    const names = ["console 1", "console 2", "console 3"];
    expect(listed.slice(1, 4).map(({ description }) => description)).toEqual(names);
    expect(listed.slice(-3).map(({ description }) => description)).toEqual([
      `console ${mostListed - 3}`,
      "api 9001",
      "api 9002",
    ]);
  }
  const everybody = (await admin.list({}, as(platform.adminToken))).tokens;
  expect(everybody).toHaveLength(mostListed);
  const apiTokens = await db.$count(
    tokens,
    and(eq(tokens.type, "api"), isNull(tokens.revokedAt), gt(tokens.expiresAt, now)),
  );
  expect(everybody.filter(({ tokenType }) => tokenType === TokenType.API)).toHaveLength(apiTokens);
});
