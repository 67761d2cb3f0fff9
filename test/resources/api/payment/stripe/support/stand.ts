import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { v7 as uuidv7 } from "uuid";
import { expect, vi } from "vitest";
import { addJob } from "../../../../../../src/jobs/jobs.js";
import type { TestPlatform } from "../../../../../support/platform.js";
import { as, startPlatform } from "../../../../../support/platform.js";
import { type Payers, payersOf } from "../../support/payers.js";
import { type FakeStripe, startFakeStripe } from "./fake-stripe.js";

const price = (unitAmount: string) => [{ validFrom: "2024-01-01T00:00:00Z", unitAmount }];

/** A cent for an hour of a cluster, a third of a cent for a GiB of a volume. */
const billingFile = {
  currency: "eur",
  seller: {
    name: "Cloud",
    email: "billing@example.com",
    vat: "DE136695976",
    address: { line1: "Street 1", postalCode: "80331", city: "Munich", country: "DE" },
  },
  vat: { rates: { DE: "19" }, other: "0", reverseCharge: ["AT"] },
  products: {
    kubernetes: { name: "Kubernetes control plane", meter: "control_plane", prices: price("1") },
    storage: { name: "Storage", meter: "volume", prices: price("0.333333333") },
  },
};

/** A platform that collects its money by a Stripe that the test controls, with one clock for both. */
export interface Stand extends Payers {
  readonly fake: FakeStripe;
  readonly platform: TestPlatform;
  now(): Date;
  /** Moves both clocks on. */
  moveTo(at: Date): void;
  /** Queues a job and waits until no job can run any more. */
  run(task: string): Promise<void>;
  /** Delivers webhooks, and does the work that comes of them, until nobody has anything to say. */
  settle(): Promise<void>;
  /** Waits until no job is left that could run now. */
  idle(): Promise<void>;
  /** What the meter would have counted: units of a product, in the month of that day. */
  use(tenant: string, product: string, period: Date, units: bigint, resource?: string): Promise<void>;
  meteredUntil(until: Date): Promise<void>;
  /** Call options of a tenant's owner, whatever time it is. */
  owner(tenant: string): Promise<ReturnType<typeof as>>;
  close(): Promise<void>;
}

const project = uuidv7();

export async function startStand(begin: Date, more: { readonly background?: boolean } = {}): Promise<Stand> {
  let now = begin;
  const fake = await startFakeStripe({ now });
  const directory = await mkdtemp(join(tmpdir(), "slipway-stripe-"));
  const file = join(directory, "billing.json");
  await writeFile(file, JSON.stringify(billingFile));
  const env = { ...fake.env, SLIPWAY_BILLING_FILE: file };
  const platform = await startPlatform({ env, clock: () => now, ...more });
  const { db } = platform.platform;
  const stand: Stand = {
    ...payersOf(platform),
    fake,
    platform,
    now: () => now,
    moveTo(at) {
      now = at;
      fake.advance(at);
    },
    async run(task) {
      await addJob(db, task, {}, { key: `${task}:test`, queue: task });
      await stand.idle();
    },
    async settle() {
      do {
        await fake.webhooks.deliver(platform.url);
        await stand.idle();
      } while (fake.webhooks.waiting.length > 0);
    },
    async idle() {
      const runnable = sql`select 1 from graphile_worker._private_jobs where attempts < max_attempts
        and (locked_at is not null or run_at <= now()) and not task_id in (
          select id from graphile_worker._private_tasks where identifier like 'clusters.%')`;
      await vi.waitFor(async () => expect((await db.execute(runnable)).rows).toEqual([]), {
        timeout: 30_000,
        interval: 25,
      });
    },
    async use(tenant, product, period, units, resource = uuidv7()) {
      await db.execute(sql`
        insert into usage_totals (tenant, period, resource, price, correction, project, quantity)
        select ${tenant}, ${period.toISOString()}, ${resource}, id, false, ${project}, unit_size * ${String(units)}::numeric
        from prices where product = ${product}
        on conflict (tenant, period, project, resource, price, correction)
        do update set quantity = usage_totals.quantity + excluded.quantity`);
    },
    async meteredUntil(until) {
      await db.execute(sql`update metering set metered_until = ${until.toISOString()}`);
    },
    async owner(tenant) {
      const roles = { projectRoles: {}, tenantRoles: { "*": "owner" as const }, adminRole: null };
      return as(await platform.token({ owner: tenant, ...roles }));
    },
    async close() {
      await platform.close();
      await fake.close();
      await rm(directory, { recursive: true });
    },
  };
  return stand;
}

/** A time on a day of 2026, by the number of its month from 1. */
export const on = (month: number, day: number, hour = 0): Date => new Date(Date.UTC(2026, month - 1, day, hour));
