import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBackground } from "../../../../src/background.js";
import { parseBilling } from "../../../../src/billing-file.js";
import { sqlStateOf } from "../../../../src/db/errors.js";
import { pricesNow } from "../../../../src/resources/billing/price/current.js";
import { unitAmountText } from "../../../../src/resources/billing/price/messages.js";
import { priceStore } from "../../../../src/resources/billing/price/store.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { type BillingWorld, billingFile, openBillingWorld, type Prices } from "../../support/billing.js";

const january = "2026-01-01T00:00:00Z";
const march = "2026-03-01T00:00:00Z";
const first: Prices = {
  control_plane: { [january]: "6.5", [march]: "7" },
  "worker(c1-medium-x86)": { [january]: "61.2" },
  worker: { [january]: "40" },
};

let world: BillingWorld;
beforeEach(async () => {
  world = await openBillingWorld({ now: "2026-02-10T12:30:00Z", prices: first });
});
afterEach(() => world.close());

/** What is stored: product, hour and amount. */
async function stored(): Promise<string[]> {
  const rows = await priceStore.list(world.db);
  return rows.map((row) => `${row.product} ${row.validFrom.toISOString()} ${unitAmountText(row.unitAmountNano)}`);
}

const begun = [
  "control-plane-all 2026-01-01T00:00:00.000Z 6.5",
  "control-plane-all 2026-03-01T00:00:00.000Z 7",
  "worker-all 2026-01-01T00:00:00.000Z 40",
  "worker-c1-medium-x86 2026-01-01T00:00:00.000Z 61.2",
];

describe("the prices of the billing file", () => {
  it("are brought into the database once, and those that hold now are shown", async () => {
    expect(await stored()).toEqual(begun);
    const before = await priceStore.list(world.db);
    await world.reprice(first);
    expect(await priceStore.list(world.db)).toEqual(before);
    expect(await pricesNow(world.platform.platform)).toEqual([
      expect.objectContaining({ name: "Name of worker-all", unitAmountDecimal: 40 }),
      expect.objectContaining({ name: "Name of worker-c1-medium-x86", unitAmountDecimal: 61.2 }),
      expect.objectContaining({
        name: "Name of control-plane-all",
        unitAmountDecimal: 6.5,
        currency: "eur",
        unitLabel: "cluster per hour",
      }),
    ]);
    world.setNow(march);
    const later = await pricesNow(world.platform.platform);
    expect(later.map(({ unitAmountDecimal }) => unitAmountDecimal)).toEqual([40, 61.2, 7]);
  });

  it("may change while they are to come, be withdrawn, and be joined by others", async () => {
    await world.reprice({
      ...first,
      control_plane: { [january]: "6.5", "2026-04-01T00:00:00Z": "8" },
      "worker(c1-medium-x86)": { [january]: "61.2", "2026-02-10T13:00:00Z": "60" },
      volume: { "2025-06-01T00:00:00Z": "0.01", [march]: "0.02" },
    });
    expect(await stored()).toEqual([
      "control-plane-all 2026-01-01T00:00:00.000Z 6.5",
      "control-plane-all 2026-04-01T00:00:00.000Z 8",
      // Nobody was ever charged for volumes: their price may begin in the past.
      "volume-all 2025-06-01T00:00:00.000Z 0.01",
      "volume-all 2026-03-01T00:00:00.000Z 0.02",
      "worker-all 2026-01-01T00:00:00.000Z 40",
      "worker-c1-medium-x86 2026-01-01T00:00:00.000Z 61.2",
      "worker-c1-medium-x86 2026-02-10T13:00:00.000Z 60",
    ]);
  });

  it("may be called otherwise at any time", async () => {
    const before = await priceStore.list(world.db);
    const billing = parseBilling(
      billingFile(first).replace("Name of worker-all", "Machines"),
      world.platform.platform.assets,
    );
    const background = await startBackground({ ...world.platform.platform, billing }, world.platform.database.server, {
      concurrency: 2,
    });
    await background.stop();
    expect(await priceStore.list(world.db)).toEqual(
      before.map((row) => (row.product === "worker-all" ? { ...row, name: "Machines" } : row)),
    );
  });

  it("that are over may leave the file", async () => {
    world.setNow("2026-05-01T00:00:00Z");
    await world.reprice({ ...first, control_plane: { [march]: "7" } });
    expect(await stored()).toEqual(begun);
  });
});

describe("a file that would rewrite the past", () => {
  it.each<[what: string, prices: Prices, message: string]>([
    [
      "a price that holds",
      { ...first, control_plane: { [january]: "6.4", [march]: "7" } },
      "product control-plane-all: the price from 2026-01-01T00:00:00Z on is 6.5 for control_plane, and the file says 6.4 for control_plane: leave it, and add a price from 2026-02-10T13:00:00Z or later",
    ],
    [
      "a price that is gone from the file",
      { ...first, worker: { [march]: "40" } },
      "product worker-all: the price from 2026-01-01T00:00:00Z on is 40 for worker and holds now, and the file does not have it: put it back; to charge nothing, add a price of 0 from 2026-02-10T13:00:00Z or later",
    ],
    [
      "a product that is gone from the file",
      { control_plane: first.control_plane ?? {}, worker: first.worker ?? {} },
      "product worker-c1-medium-x86: the price from 2026-01-01T00:00:00Z on is 61.2 for worker c1-medium-x86 and holds now",
    ],
    [
      "a price between those that held",
      { ...first, control_plane: { [january]: "6.5", "2026-02-01T00:00:00Z": "6.6", [march]: "7" } },
      "product control-plane-all: the price from 2026-02-01T00:00:00Z on is new and in the past, when 6.5 for control_plane of product control-plane-all held: let it begin at 2026-02-10T13:00:00Z or later",
    ],
    [
      "a price of this hour, which has begun",
      { ...first, control_plane: { [january]: "6.5", "2026-02-10T12:00:00Z": "6.6" } },
      "product control-plane-all: the price from 2026-02-10T12:00:00Z on is new and in the past",
    ],
    [
      "a new product in the past, where another one was charged",
      { ...first, "worker(n1-medium-x86)": { [january]: "30" } },
      "product worker-n1-medium-x86: the price from 2026-01-01T00:00:00Z on is new and in the past, when 40 for worker of product worker-all held: let it begin at 2026-02-10T13:00:00Z or later",
    ],
  ])("%s: the worker says so and does not start", async (_, prices, message) => {
    const { platform } = world;
    const billing = parseBilling(billingFile(prices), platform.platform.assets);
    const start = startBackground({ ...platform.platform, billing }, platform.database.server, { concurrency: 2 });
    const error = await start.then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toContain("prices of the billing file: ");
    expect(error?.message).toContain(message);
    expect(await stored()).toEqual(begun);
  });

  it("names every contradiction, the currency once", async () => {
    const other = { ...first, control_plane: { [january]: "6", [march]: "7" } };
    const error = await world.reprice(other, { currency: "chf" }).catch((reason: Error) => reason);
    expect((error as Error).message.split("; ")).toEqual([
      "prices of the billing file: the currency is eur since there are prices, and the file says chf: it must stay",
      expect.stringContaining("product control-plane-all: the price from 2026-01-01T00:00:00Z on is 6.5"),
    ]);
  });

  it("with another meter under the same id is refused", async () => {
    const text = billingFile(first).replace("variant: c1-medium-x86", "variant: c1-large-x86");
    const billing = parseBilling(text, world.platform.platform.assets);
    const start = startBackground({ ...world.platform.platform, billing }, world.platform.database.server, {
      concurrency: 2,
    });
    await expect(start).rejects.toThrow(
      "is 61.2 for worker c1-medium-x86, and the file says 61.2 for worker c1-large-x86: leave it, and give what is new a product with an id of its own",
    );
  });

  it("is refused by the database, too, for what was charged, whatever a clock says", async () => {
    const { platform, db } = world;
    await world.cluster(platform.project, "2026-02-10T10:00:00Z");
    await world.meterAt("2026-02-10T12:30:00Z");
    // A machine whose clock is far behind takes the price of January for one to come.
    world.setNow("2025-12-01T00:00:00Z");
    await expect(world.reprice({ ...first, control_plane: { [january]: "1" } })).rejects.toThrow(
      /^prices of the billing file: the price of control-plane-all from .+ on was charged: leave it as it is$/,
    );
    for (const change of [
      sql`update prices set unit_amount_nano = 1 where product = 'control-plane-all'`,
      sql`update prices set valid_from = valid_from + interval '1 hour' where product = 'control-plane-all'`,
      sql`delete from prices where product = 'control-plane-all'`,
    ]) {
      const refused = await db.execute(change).then(
        () => undefined,
        (error: unknown) => sqlStateOf(error),
      );
      expect(refused).toBe("23001");
    }
    expect(await stored()).toEqual(begun);
  });
});

describe("processes", () => {
  it("that only serve show the prices of the database, and start before any worker has brought them", async () => {
    const { platform } = world;
    await world.db.execute(sql`delete from prices`);
    const owner = await world.owner();
    const list = await world.usage.list({ login: platform.tenant }, owner);
    expect(list).toMatchObject({ usages: [], currency: "eur" });
    const forecast = await world.usage.getForecast({ login: platform.tenant }, owner);
    expect(forecast).toMatchObject({ spent: 0n, forecast: 0n, currency: "eur" });
    expect(await pricesNow(platform.platform)).toEqual([]);
  });

  it("without a billing file leave the prices as they are, and say so", async () => {
    const { platform } = world;
    const unset = { ...platform.platform, billing: undefined };
    const background = await startBackground(unset, platform.database.server, { concurrency: 2 });
    await background.stop();
    expect(await stored()).toEqual(begun);
    expect(platform.lines.map(({ msg }) => msg)).toContain(
      "SLIPWAY_BILLING_FILE is not set, and the prices that it once had go on holding",
    );
  });

  it.skipIf(postgresUrl === undefined)(`that bring prices at once bring them once (${needsPostgres})`, async () => {
    const more = { ...first, volume: { [january]: "0.01" }, snapshot: { [march]: "0.01" } };
    await Promise.all(Array.from({ length: 4 }, () => world.reprice(more)));
    expect(await stored()).toHaveLength(6);
  });
});
