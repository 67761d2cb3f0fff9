import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { UsageServiceListResponse } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { spentIn } from "../../../../src/resources/billing/usage/spending.js";
import { as, type TestTenant } from "../../../support/platform.js";
import { type BillingWorld, GiB, openBillingWorld } from "../../support/billing.js";
import { codeOf, refusal } from "../../support/refusals.js";

const march = new Date("2026-03-01T00:00:00Z");
const april = new Date("2026-04-01T00:00:00Z");

let world: BillingWorld;
beforeAll(async () => {
  world = await openBillingWorld({
    now: "2026-02-01T00:00:00Z",
    prices: {
      control_plane: { "2026-01-01T00:00:00Z": "6", "2026-03-16T00:00:00Z": "12" },
      volume: { "2026-01-01T00:00:00Z": "0.01", "2026-03-20T12:00:00Z": "0.03" },
      "volume(fast)": { "2026-03-10T00:00:00Z": "0.5" },
    },
  });
});
afterAll(() => world.close());

/** A tenant's use in March, as its owner sees it. */
async function listed({ tenant }: TestTenant, rest: object = {}): Promise<UsageServiceListResponse> {
  const period = timestampFromDate(new Date("2026-03-31T23:59:59Z"));
  return await world.usage.list({ login: tenant, period, ...rest }, await world.owner({ tenant }));
}

const forecastOf = async ({ tenant }: TestTenant) =>
  await world.usage.getForecast({ login: tenant }, await world.owner({ tenant }));

describe("billing.v1.UsageService", () => {
  it("tells what was used and what it will cost, over a change of prices in the middle of the month", async () => {
    const own = await world.platform.newTenant();
    const cluster = await world.cluster(own.project, "2026-02-20T00:00:00Z", "shop");
    await world.meterAt("2026-03-10T00:20:00Z");
    expect(await forecastOf(own)).toMatchObject({
      currency: "eur",
      periodStart: timestampFromDate(march),
      periodEnd: timestampFromDate(april),
      meteredUntil: timestampFromDate(new Date("2026-03-10T00:00:00Z")),
      spent: 9n * 24n * 6n,
      forecast: 15n * 24n * 6n + 16n * 24n * 12n,
    });
    await world.meterAt("2026-03-18T06:00:00Z");
    const { usages, ...rest } = await listed(own);
    const place = { project: own.project, projectName: "default", resource: cluster, resourceName: "shop" };
    const product = { product: "control-plane-all", productName: "Name of control-plane-all" };
    expect(usages).toEqual([
      expect.objectContaining({ ...place, ...product, quantity: 360n, unitAmount: "6", amount: 2_160n }),
      expect.objectContaining({ ...place, ...product, quantity: 54n, unitAmount: "12", amount: 648n }),
    ]);
    expect(usages[0]?.unitLabel).toBe("cluster per hour");
    expect(rest).toMatchObject({
      currency: "eur",
      periodStart: timestampFromDate(march),
      periodEnd: timestampFromDate(april),
      meteredUntil: timestampFromDate(new Date("2026-03-18T06:00:00Z")),
    });
    expect(rest.nextPage).toBeUndefined();
    expect(await forecastOf(own)).toMatchObject({ spent: 2_808n, forecast: 2_160n + 384n * 12n });
    // The month before has a book of its own.
    const february = { period: timestampFromDate(new Date("2026-02-21T00:00:00Z")) };
    expect((await listed(own, february)).usages.map(({ quantity }) => quantity)).toEqual([9n * 24n]);
  });

  it("goes by what ran since the last hour that was metered, and not by what runs at the moment alone", async () => {
    const own = await world.platform.newTenant();
    const cluster = await world.cluster(own.project, "2026-03-18T06:00:00Z");
    await world.meterAt("2026-03-19T00:00:00Z");
    const volume = await world.volume(
      { project: own.project, cluster },
      { size: 100n * GiB, at: "2026-03-19T00:15:00Z", name: "data" },
    );
    await world.resize(volume, 200n * GiB, "2026-03-19T00:30:00Z");
    await world.endCluster(cluster, "2026-03-19T00:45:00Z");
    world.setNow("2026-03-19T00:50:00Z");
    // The cluster: 18.75 hours of 12. The volume at 0.01: a quarter of an hour with 100 GiB and 35.5 hours with 200,
    // which is 71.25; from the 20th at noon on 276 hours with 200 GiB at 0.03.
    expect(await forecastOf(own)).toMatchObject({ spent: 18n * 12n, forecast: 225n + 71n + 1_656n });
  });

  it("lists by project and resource, in pages, of one project where asked", async () => {
    const own = await world.platform.newTenant();
    const cluster = await world.cluster(own.project, "2026-03-19T01:00:00Z", "zoo");
    const place = { project: own.project, cluster };
    await world.volume(place, { size: 5n * GiB, at: "2026-03-19T01:00:00Z", name: "b" });
    await world.volume(place, { size: 3n * GiB, at: "2026-03-19T01:00:00Z", name: "a", storageClass: "fast" });
    await world.meterAt("2026-03-19T03:30:00Z");
    const owner = await world.owner(own);
    const { usages } = await listed(own);
    expect(
      usages.map(({ resourceName, product, quantity, amount }) => [resourceName, product, quantity, amount]),
    ).toEqual([
      ["a", "volume-fast", 6n, 3n],
      ["b", "volume-all", 10n, 0n],
      ["zoo", "control-plane-all", 2n, 24n],
    ]);
    const first = await listed(own, { paging: { count: 2n } });
    expect(first.usages).toEqual(usages.slice(0, 2));
    const second = await listed(own, { paging: { count: 2n, page: first.nextPage ?? 0n } });
    expect(second.usages).toEqual(usages.slice(2));
    expect(second.nextPage).toBeUndefined();
    expect((await listed(own, { project: own.project })).usages).toEqual(usages);
    expect((await listed(own, { project: own.project.toUpperCase() })).usages).toEqual(usages);
    const other = await world.platform.newTenant();
    const foreign = world.usage.list({ login: own.tenant, project: other.project }, owner);
    expect(await refusal(foreign)).toMatchObject({
      code: "NotFound",
      message: `project ${other.project} does not exist in tenant ${own.tenant}`,
    });
    expect((await listed(other, { project: other.project })).usages).toEqual([]);
  });

  it("takes the present month where no time is given, and refuses times that there are not", async () => {
    const own = await world.platform.newTenant();
    const owner = await world.owner(own);
    const { periodStart } = await world.usage.list({ login: own.tenant }, owner);
    expect(periodStart && timestampDate(periodStart)).toEqual(march);
    for (const seconds of [-1n, 253_370_764_800n, 2n ** 62n]) {
      const call = world.usage.list({ login: own.tenant, period: { seconds, nanos: 0 } }, owner);
      expect(await codeOf(call), String(seconds)).toBe("InvalidArgument");
    }
    const last = await world.usage.list({ login: own.tenant, period: { seconds: 253_370_764_799n } }, owner);
    expect(last.periodEnd && timestampDate(last.periodEnd)).toEqual(new Date("9999-01-01T00:00:00Z"));
    expect(await codeOf(world.usage.list({ login: own.tenant, paging: { count: 1_001n } }, owner))).toBe(
      "InvalidArgument",
    );
  });

  it("is for owners of the tenant alone", async () => {
    const own = await world.platform.newTenant();
    const other = await world.platform.newTenant();
    for (const token of [own.tokens.editor, own.tokens.viewer, other.tokens.owner]) {
      expect(await codeOf(world.usage.list({ login: own.tenant }, as(token)))).toBe("PermissionDenied");
      expect(await codeOf(world.usage.getForecast({ login: own.tenant }, as(token)))).toBe("PermissionDenied");
    }
    expect(await codeOf(world.usage.list({ login: own.tenant }))).toBe("Unauthenticated");
  });

  it("forecasts to the cent what the month costs when nothing changes any more", async () => {
    const minute = 60_000;
    const begin = Date.parse("2026-03-19T04:00:00Z");
    const event = fc.record({
      // Late in the order of time, too: a clock may go back.
      minutes: fc.nat(3 * 60),
      kind: fc.constantFrom("new", "resize", "end"),
      storageClass: fc.constantFrom("fast", "standard"),
      gib: fc.bigInt(1n, 5_000n),
    });
    const expectations: { readonly tenant: string; readonly forecast: bigint }[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), fc.nat(120), async (events, minutes) => {
        const own = await world.platform.newTenant();
        const cluster = await world.cluster(own.project, new Date(begin));
        const made: string[] = [];
        for (const { kind, minutes: at, storageClass, gib } of events) {
          const time = new Date(begin + at * minute + at * 7);
          const last = made.at(-1);
          const place = { project: own.project, cluster };
          if (kind === "new" || last === undefined) {
            made.push(await world.volume(place, { size: gib * GiB, at: time, storageClass }));
          } else await world.resize(last, kind === "end" ? undefined : gib * GiB, time);
        }
        await world.meterAt(new Date(begin + minutes * minute));
        world.setNow(new Date(begin + 181 * minute));
        const { forecast } = await forecastOf(own);
        expectations.push({ tenant: own.tenant, forecast });
      }),
      { numRuns: 12 },
    );
    await world.meterAt("2026-04-01T00:00:00Z");
    for (const { tenant, forecast } of expectations) {
      expect(await spentIn(world.db, { tenant, period: march })).toBe(forecast);
    }
    expect(expectations.every(({ forecast }) => forecast > 0n)).toBe(true);
  });
});
