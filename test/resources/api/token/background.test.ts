import { inArray } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { issueToken } from "../../../../src/resources/api/token/issue.js";
import { tokens } from "../../../../src/resources/api/token/table.js";
import { backgrounds } from "../../../../src/resources.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

it("tokens that have expired are forgotten, and no others", async () => {
  const { db, clock, newId, tokens: signer } = platform.platform;
  const token = async (type: "api" | "console", age: number) => {
    const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
    const order = { ...grants, id: newId(), owner: platform.tenant, type, description: "" };
    const now = new Date(clock().getTime() - age * 1_000);
    return (await issueToken(db, signer, { ...order, now, seconds: 600 })).row.id;
  };
  const kept = [await token("api", 0), await token("console", 500)];
  const gone = [await token("api", 601), await token("api", 86_400)];
  const jobs = backgrounds.map((background) => background(platform.platform));
  const prune = jobs.map(({ tasks }) => tasks["tokens.prune"]).find((task) => task !== undefined);
  await prune?.({}, { attempt: 1, log: platform.platform.log, signal: new AbortController().signal });
  const rows = await db
    .select({ id: tokens.id })
    .from(tokens)
    .where(inArray(tokens.id, [...kept, ...gone]));
  expect(rows.map(({ id }) => id).sort()).toEqual(kept.sort());
});
