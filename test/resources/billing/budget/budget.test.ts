import { timestampDate } from "@bufbuild/protobuf/wkt";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BudgetAlert } from "../../../../gen/ts/billing/v1/budget_pb.js";
import type { Change } from "../../../../src/changes/change.js";
import { queueBudgets } from "../../../../src/resources/billing/budget/jobs.js";
import { reachedThresholds, thresholdsOf } from "../../../../src/resources/billing/budget/rules.js";
import { budgetStore } from "../../../../src/resources/billing/budget/store.js";
import { as, type TestTenant } from "../../../support/platform.js";
import { type BillingWorld, openBillingWorld } from "../../support/billing.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { eventually } from "../../support/storage.js";

let world: BillingWorld;
let told: Change[];
beforeAll(async () => {
  world = await openBillingWorld({
    now: "2026-03-01T00:00:00Z",
    prices: { control_plane: { "2026-01-01T00:00:00Z": "100" } },
    background: true,
  });
  told = [];
  world.platform.platform.feed.subscribe("budget_alert", (batch) => {
    if (batch !== "resync") told.push(...batch);
  });
});
afterAll(() => world.close());

/** The alerts of a tenant, the newest first, as period, threshold, kind and amount. */
async function alerts(own: TestTenant): Promise<string[]> {
  const list = await world.budgets.listAlerts({ login: own.tenant }, await world.owner(own));
  return list.alerts.map(textOf);
}

function textOf({ periodStart, threshold, forecast, amount }: BudgetAlert): string {
  const month = periodStart === undefined ? "" : timestampDate(periodStart).toISOString().slice(0, 7);
  return `${month} ${threshold}% ${forecast ? "forecast" : "spent"} ${amount}`;
}

/** Moves the clock, meters, and waits until all budgets have been compared. */
async function meterAt(time: string): Promise<void> {
  await world.meterAt(time);
  await eventually(async () => {
    const { rows } = await world.db.execute(
      sql`select 1 from graphile_worker.jobs where task_identifier = 'budgets.check'`,
    );
    expect(rows).toEqual([]);
  });
}

const usual = { thresholds: [50, 80, 100], forecastThresholds: [100] };

describe("billing.v1.BudgetService", () => {
  it("makes, replaces and removes a budget", async () => {
    const { tenant: login, ...own } = await world.platform.newTenant();
    const owner = await world.owner({ tenant: login });
    const none = { code: "NotFound", message: `tenant ${login} has no budget` };
    expect(await refusal(world.budgets.get({ login }, owner))).toMatchObject(none);
    expect(await refusal(world.budgets.delete({ login }, owner))).toMatchObject(none);
    const { budget } = await world.budgets.set({ login, amount: 50_000n }, owner);
    expect(budget).toMatchObject({ login, amount: 50_000n, currency: "eur", ...usual });
    expect((await world.budgets.get({ login }, owner)).budget).toEqual(budget);
    const change = { login, amount: 1n, thresholds: [100, 10] };
    await world.budgets.set(change, owner);
    const changed = (await world.budgets.get({ login }, owner)).budget;
    expect(changed).toMatchObject({ amount: 1n, thresholds: [10, 100], forecastThresholds: [] });
    expect((await world.budgets.delete({ login }, owner)).budget).toEqual(changed);
    expect(await refusal(world.budgets.get({ login }, owner))).toMatchObject(none);
    for (const token of [own.tokens.editor, own.tokens.viewer, world.platform.tokens.owner]) {
      const codes = await Promise.all([
        codeOf(world.budgets.get({ login }, as(token))),
        codeOf(world.budgets.set(change, as(token))),
        codeOf(world.budgets.delete({ login }, as(token))),
        codeOf(world.budgets.listAlerts({ login }, as(token))),
      ]);
      expect(codes).toEqual(Array(4).fill("PermissionDenied"));
    }
  });

  it.each<[what: string, order: object, field: string]>([
    ["an amount of nothing", { amount: 0n }, "amount"],
    ["an amount below nothing", { amount: -1n }, "amount"],
    ["an amount that nobody spends", { amount: 1_000_000_000_001n }, "amount"],
    ["no part of it", { amount: 1n, thresholds: [0] }, "thresholds[0]"],
    ["over ten times of it", { amount: 1n, thresholds: [50, 1_001] }, "thresholds[1]"],
    ["the same part twice", { amount: 1n, thresholds: [50, 50] }, "thresholds"],
    [
      "too many parts",
      { amount: 1n, forecastThresholds: Array.from({ length: 11 }, (_, at) => at + 1) },
      "forecast_thresholds",
    ],
  ])("refuses %s", async (_, order, field) => {
    const { tenant } = world.platform;
    const refused = await refusal(world.budgets.set({ login: tenant, ...order }, await world.owner()));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });
});

describe("an alert", () => {
  it("is given once when spending or its forecast reaches a part of the budget, and told to all", async () => {
    const own = await world.platform.newTenant();
    const quiet = await world.platform.newTenant();
    // Until the end of March: 744 hours.
    await world.cluster(own.project, "2026-03-01T00:00:00Z");
    await world.cluster(quiet.project, "2026-03-01T00:00:00Z");
    await world.budgets.set({ login: own.tenant, amount: 74_401n }, await world.owner(own));
    await meterAt("2026-03-15T00:05:00Z");
    expect(await alerts(own)).toEqual([]);
    // A second cluster takes the forecast over the budget, and the next hours what was spent over its half.
    const second = await world.cluster(own.project, "2026-03-15T00:30:00Z");
    await meterAt("2026-03-15T01:05:00Z");
    expect(await alerts(own)).toEqual(["2026-03 100% forecast 115150"]);
    await world.endCluster(second, "2026-03-15T01:30:00Z");
    await meterAt("2026-03-16T13:05:00Z");
    expect(await alerts(own)).toEqual(["2026-03 50% spent 37400", "2026-03 100% forecast 115150"]);
    const [alert] = (await world.budgets.listAlerts({ login: own.tenant }, await world.owner(own))).alerts;
    expect(alert).toMatchObject({ budget: 74_401n, currency: "eur" });
    await meterAt("2026-03-16T14:05:00Z");
    expect(await alerts(own)).toHaveLength(2);
    await eventually(() =>
      expect(told.filter(({ scope }) => scope === own.tenant).map(({ key }) => key)).toContain(alert?.uuid),
    );
    const lines = world.platform.lines.filter(
      ({ msg, tenant }) => msg === "a budget alert was given" && tenant === own.tenant,
    );
    expect(lines).toMatchObject([
      { threshold: 100, forecast: true, amount: "115150", budget: "74401", currency: "eur" },
      { threshold: 50, forecast: false, amount: "37400" },
    ]);
    expect(await alerts(quiet)).toEqual([]);
  });

  it("comes for the last hours of a month, too, once these are known; and for each month anew", async () => {
    const own = await world.platform.newTenant();
    const late = await world.platform.newTenant();
    for (const each of [own, late]) await world.cluster(each.project, "2026-03-31T20:00:00Z");
    const order = { amount: 400n, thresholds: [100], forecastThresholds: [] };
    await world.budgets.set({ login: own.tenant, ...order }, await world.owner(own));
    await meterAt("2026-03-31T23:05:00Z");
    expect(await alerts(own)).toEqual([]);
    world.setNow("2026-04-01T00:02:00Z");
    // Who makes a budget in April is told nothing of March.
    await world.budgets.set({ login: late.tenant, ...order }, await world.owner(late));
    await meterAt("2026-04-01T00:05:00Z");
    expect(await alerts(own)).toEqual(["2026-03 100% spent 400"]);
    await meterAt("2026-04-01T05:05:00Z");
    expect(await alerts(own)).toEqual(["2026-04 100% spent 500", "2026-03 100% spent 400"]);
    expect(await alerts(late)).toEqual(["2026-04 100% spent 500"]);
    const owner = await world.owner(own);
    const first = await world.budgets.listAlerts({ login: own.tenant, paging: { count: 1n } }, owner);
    expect(first.alerts.map(textOf)).toEqual(["2026-04 100% spent 500"]);
    const paging = { count: 1n, page: first.nextPage ?? 0n };
    const rest = await world.budgets.listAlerts({ login: own.tenant, paging }, owner);
    expect(rest.alerts.map(textOf)).toEqual(["2026-03 100% spent 400"]);
    expect(rest.nextPage).toBeUndefined();
  });

  it("stays when the budget is replaced or removed", async () => {
    const own = await world.platform.newTenant();
    await world.cluster(own.project, "2026-04-01T06:00:00Z");
    const order = { login: own.tenant, thresholds: [100], forecastThresholds: [] };
    await world.budgets.set({ ...order, amount: 1n }, await world.owner(own));
    await meterAt("2026-04-01T07:05:00Z");
    await world.budgets.set({ ...order, amount: 2n }, await world.owner(own));
    await meterAt("2026-04-01T08:05:00Z");
    expect(await alerts(own)).toEqual(["2026-04 100% spent 100"]);
    await world.budgets.delete({ login: own.tenant }, await world.owner(own));
    await meterAt("2026-04-01T09:05:00Z");
    expect(await alerts(own)).toEqual(["2026-04 100% spent 100"]);
  });

  it("comes to every tenant, however many there are, when checks run at once or again", async () => {
    const many = 130;
    const { db, clock } = world.platform.platform;
    const tenants = Array.from({ length: many }, (_, at) => `many-${String(at).padStart(3, "0")}`);
    await db.execute(sql`
      insert into tenants (login, name, created_by, admitted, created_at, updated_at)
      select t, t, ${world.platform.tenant}, true, now(), now() from unnest(${sql.param(tenants)}::text[]) t`);
    for (const tenant of tenants) {
      // A forecast of nothing reaches no part of a budget but of one that spending of nothing reaches.
      const row = { tenant, amount: 1n, currency: "eur", thresholds: [1], forecastThresholds: [], updatedAt: clock() };
      await budgetStore.set(db, row);
    }
    await db.execute(sql`
      insert into usage_totals (tenant, period, resource, price, correction, project, quantity)
      select t, '2026-04-01T00:00:00Z', gen_random_uuid(), (select id from prices limit 1), false, ${world.platform.project}, 3600
      from unnest(${sql.param(tenants)}::text[]) t`);
    await Promise.all([queueBudgets(db), queueBudgets(db), queueBudgets(db, "many-050")]);
    await meterAt("2026-04-01T10:05:00Z");
    await queueBudgets(db);
    await meterAt("2026-04-01T11:05:00Z");
    const { rows } = await db.execute<{ tenant: string; alerts: number }>(sql`
      select tenant, count(*)::int as alerts from budget_alerts where tenant like 'many-%' group by tenant order by tenant`);
    expect(rows).toEqual(tenants.map((tenant) => ({ tenant, alerts: 1 })));
  });
});

describe("the parts of a budget that are reached", () => {
  it("are exact, and the forecast is silent of what is spent", () => {
    const percent = fc.integer({ min: 1, max: 1_000 });
    const money = fc.bigInt(-1_000n, 10n ** 13n);
    const budget = fc.record({
      amount: fc.bigInt(1n, 10n ** 12n),
      thresholds: fc.uniqueArray(percent, { maxLength: 10 }),
      forecastThresholds: fc.uniqueArray(percent, { maxLength: 10 }),
    });
    fc.assert(
      fc.property(budget, money, money, (given, spent, forecast) => {
        const reached = reachedThresholds(given, { spent, forecast });
        const of = (isForecast: boolean) =>
          reached.filter((each) => each.forecast === isForecast).map(({ threshold }) => threshold);
        // In whole numbers: what is reached leaves nothing of that part of the budget.
        const rest = (amount: bigint, threshold: number) => given.amount * BigInt(threshold) - 100n * amount;
        expect(of(false)).toEqual(given.thresholds.filter((threshold) => rest(spent, threshold) <= 0n));
        expect(of(true)).toEqual(
          given.forecastThresholds.filter((each) => rest(forecast, each) <= 0n && rest(spent, each) > 0n),
        );
        expect(reachedThresholds(given, { spent, forecast: undefined }).every((each) => !each.forecast)).toBe(true);
      }),
    );
  });

  it("are the usual ones only where none are asked for", () => {
    expect(thresholdsOf([], [])).toEqual(usual);
    expect(thresholdsOf([], [90, 10])).toEqual({ thresholds: [], forecastThresholds: [10, 90] });
  });
});
