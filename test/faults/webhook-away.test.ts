import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { processorEvents } from "../../src/resources/api/payment/stripe/table.js";
import { type FakeStripe, startFakeStripe } from "../resources/api/payment/stripe/support/fake-stripe.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { openSite, type Site, type TestServer } from "./support/site.js";
import { openWire, type Wire } from "./support/wire.js";

if (postgresUrl === undefined) console.warn(`the test of webhooks without a database ${needsPostgres}`);

const describeAway = describe.skipIf(postgresUrl === undefined);

describeAway(`webhooks while PostgreSQL is away (${needsPostgres})`, { timeout: 60_000 }, () => {
  let fake: FakeStripe;
  let site: Site;
  let wire: Wire;
  let server: TestServer;

  beforeAll(async () => {
    fake = await startFakeStripe();
    site = await openSite({ timeScale: 50 });
    const behind = new URL(site.env.DATABASE_URL ?? "");
    wire = await openWire(Number(behind.port || 5432));
    behind.port = String(wire.port);
    server = await site.serve({ ...fake.env, DATABASE_URL: behind.toString() });
  }, 60_000);
  afterAll(async () => {
    await site?.close();
    await wire?.close();
    await fake?.close();
  });

  const waitUntilReady = (wanted: 200 | 503) =>
    vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(wanted), {
      timeout: 25_000,
      interval: 50,
    });

  /** An event of an invoice, as Stripe sends it once, and again. */
  async function deliver(id: string) {
    const object = { id: `in_of_${id}`, object: "invoice" };
    const event = { id, object: "event", type: "invoice.paid", data: { object } };
    const answer = await fake.webhooks.send(server.url, event);
    return [answer.status, await answer.text()];
  }

  /** What was kept of an event: how often it is stored, and how many jobs came of it. */
  async function kept(id: string): Promise<readonly [number, number]> {
    const { db } = site.platform;
    const { rows } = await db.execute(
      sql`select 1 from graphile_worker._private_jobs where key = ${`stripe.invoice:in_of_${id}`}`,
    );
    return [await db.$count(processorEvents, sql`${processorEvents.id} = ${id}`), rows.length];
  }

  test("they answer 503, so that Stripe sends them again, and count once afterwards", async () => {
    await wire.cut();
    expect(await deliver("evt_cut")).toEqual([503, "try again later\n"]);
    await waitUntilReady(503);
    expect(await deliver("evt_cut")).toEqual([503, "try again later\n"]);
    expect(await kept("evt_cut")).toEqual([0, 0]);
    await wire.restore();
    await waitUntilReady(200);
    expect(await deliver("evt_cut")).toEqual([200, "ok\n"]);
    expect(await deliver("evt_cut")).toEqual([200, "ok\n"]);
    expect(await kept("evt_cut")).toEqual([1, 1]);
  });

  test("one whose database says nothing any more is answered with 503, too", async () => {
    await waitUntilReady(200);
    wire.freeze();
    const answer = deliver("evt_frozen");
    await waitUntilReady(503);
    await wire.restore();
    expect(await answer).toEqual([503, "try again later\n"]);
    await waitUntilReady(200);
    expect(await kept("evt_frozen")).toEqual([0, 0]);
    expect(await deliver("evt_frozen")).toEqual([200, "ok\n"]);
    expect(await kept("evt_frozen")).toEqual([1, 1]);
  });
});
