import { afterAll, beforeAll, expect, it } from "vitest";
import { TokenService } from "../../../../gen/ts/api/v1/token_pb.js";
import { mostTokens } from "../../../../src/resources/api/token/service.js";
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
