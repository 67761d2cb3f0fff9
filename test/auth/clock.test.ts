import { afterAll, beforeAll, expect, it } from "vitest";
import { createPrincipals } from "../../src/auth/principals.js";
import { issueToken } from "../../src/resources/api/token/issue.js";
import { tokenStore } from "../../src/resources/api/token/store.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

it("a clock that is set back makes nobody believe in a feed that is silent", async () => {
  const { db, tokens, methods: rules, newId } = platform.platform;
  const { tenant } = platform;
  let time = Date.now();
  const clock = () => new Date(time);
  const lastReadAt = clock();
  const silent = { subscribe: () => () => {}, status: () => ({ connected: true, lastReadAt }), close: async () => {} };
  const principals = createPrincipals({ db, feed: silent, tokens, clock, rules, maxFeedSilenceMs: 5_000 });
  const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
  const order = { ...grants, id: newId(), owner: tenant, type: "api", description: "" } as const;
  const { row, secret } = await issueToken(db, tokens, { ...order, now: new Date(time - 60_000), seconds: 3_600 });
  await principals.authenticate(secret);
  await tokenStore.revoke(db, tenant, row.id, new Date());
  // Nobody told of it, and the silence is short.
  expect(await principals.authenticate(secret)).toMatchObject({ tokenId: row.id });
  time -= 10_000;
  await expect(principals.authenticate(secret)).rejects.toThrow(/revoked/);
  principals.close();
});
