import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { couponGrants, creditEntries } from "../../../../src/resources/api/payment/table.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Payers, payersOf } from "../../api/payment/support/payers.js";
import { codeOf } from "../../support/refusals.js";

let platform: TestPlatform;
let payers: Payers;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  payers = payersOf(platform);
});
afterAll(() => platform.close());

const title = "coupons are granted as often as they may be, and once to each, however many ask at once";
it.skipIf(postgresUrl === undefined)(postgresUrl === undefined ? `${title}: ${needsPostgres}` : title, async () => {
  const { db } = platform.platform;
  const customers = await Promise.all(Array.from({ length: 4 }, () => payers.customer()));
  const scenario = fc.record({
    most: fc.option(fc.integer({ min: 1, max: 4 })),
    asked: fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }),
    withdrawn: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ most, asked, withdrawn }) => {
      const couponId = await payers.coupon(most === null ? {} : { maxRedemptions: most });
      const grants = asked.map((at) => {
        const login = customers[at]?.tenant ?? "";
        return codeOf(payers.operators.addCouponToCustomer({ customer: { login }, couponId }, payers.root));
      });
      const withdrawal = withdrawn ? payers.coupons.delete({ id: couponId }, payers.root) : undefined;
      const codes = await Promise.all(grants);
      await withdrawal;
      const rows = await db.select().from(couponGrants).where(eq(couponGrants.coupon, couponId));
      const given = codes.filter((code) => code === "OK").length;
      expect(rows).toHaveLength(given);
      expect(new Set(rows.map(({ tenant }) => tenant)).size).toBe(given);
      const possible = Math.min(most ?? 4, new Set(asked).size);
      if (withdrawn) expect(given).toBeLessThanOrEqual(possible);
      else expect(given).toBe(possible);
      expect(codes.every((code) => ["OK", "AlreadyExists", "FailedPrecondition"].includes(code))).toBe(true);
      // Each grant is in the book, and nothing else.
      for (const { id } of rows) {
        const entries = await db.select().from(creditEntries).where(eq(creditEntries.couponGrant, id));
        expect(entries.map(({ amount }) => amount)).toEqual([5_000n]);
      }
    }),
    { numRuns: 25 },
  );
});
