import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CallOptions } from "@connectrpc/connect";
import { sql } from "drizzle-orm";
import { v7 as uuidv7 } from "uuid";
import { expect, vi } from "vitest";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { IPService } from "../../../gen/ts/api/v1/ip_pb.js";
import { startBackground } from "../../../src/background.js";
import { addJob } from "../../../src/jobs/jobs.js";
import { clusterStore } from "../../../src/resources/api/cluster/store.js";
import { sightingStore } from "../../../src/resources/api/volume/sightings.js";
import { volumeStore } from "../../../src/resources/api/volume/store.js";
import { usageStore } from "../../../src/resources/billing/usage/store.js";
import { clusterWorkers } from "../../../src/resources/billing/usage/table.js";
import { address, type Payers, payersOf } from "../../resources/api/payment/support/payers.js";
import { as, startPlatform, type TestPlatform } from "../../support/platform.js";

const price = (...prices: readonly (readonly [from: string, amount: string])[]) =>
  prices.map(([validFrom, unitAmount]) => ({ validFrom: `${validFrom}T00:00:00Z`, unitAmount }));

/** Prices in cents, one of which rises in the middle of March. */
const billingFile = {
  currency: "eur",
  seller: {
    name: "Cloud",
    email: "billing@example.com",
    vat: "DE136695976",
    address: { line1: "Street 1", postalCode: "80331", city: "Munich", country: "DE" },
  },
  vat: { rates: { DE: "19" }, other: "0" },
  products: {
    kubernetes: { name: "Control plane", meter: "control_plane", prices: price(["2026-01-01", "8"]) },
    medium: {
      name: "Medium machine",
      meter: "worker",
      variant: "n1-medium-x86",
      prices: price(["2026-01-01", "34.5"], ["2026-03-16", "36"]),
    },
    large: { name: "Large machine", meter: "worker", variant: "c1-large-x86", prices: price(["2026-01-01", "124"]) },
    volume: { name: "Volume", meter: "volume", prices: price(["2026-01-01", "0.0137"]) },
    address: { name: "Static address", meter: "address", variant: "static", prices: price(["2026-01-01", "0.5"]) },
  },
};

/** A time in March 2026 (32 is the first of April). */
export const march = (day: number, hour = 0, minute = 0): Date => new Date(Date.UTC(2026, 2, day, hour, minute));

/** A platform with prices whose clock the test moves, and the tenant that pays. */
export interface Month extends Payers {
  readonly platform: TestPlatform;
  readonly tenant: string;
  readonly project: string;
  moveTo(at: Date): void;
  /** Call options of the tenant's owner, and of an operator, whatever time it is. */
  me(): Promise<CallOptions>;
  operator(): Promise<CallOptions>;
  /** Lets a worker come back, catch up with March, and live into the first of April; calls back at midnight. */
  moveOverTheEnd(atMidnight?: () => Promise<void>): Promise<void>;
  /** Does a job as at its next time, and what comes of it. */
  run(task: string): Promise<void>;
  close(): Promise<void>;
}

export interface MonthOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Told when the clock is moved. */
  readonly onMove?: (at: Date) => void;
}

const patience = { timeout: 40_000, interval: 50 };

/** Jobs that run or could; those of clusters go by the simulator's time. */
const runnable = sql`select 1 from graphile_worker._private_jobs where attempts < max_attempts
  and (locked_at is not null or run_at <= now()) and not task_id in (
    select id from graphile_worker._private_tasks where identifier like 'clusters.%')`;

/** Starts the platform at the beginning of March. */
export async function startMonth({ env = {}, onMove = () => {} }: MonthOptions = {}): Promise<Month> {
  let now = march(1);
  const directory = await mkdtemp(join(tmpdir(), "slipway-month-"));
  const file = join(directory, "billing.json");
  await writeFile(file, JSON.stringify(billingFile));
  const platform = await startPlatform({ env: { ...env, SLIPWAY_BILLING_FILE: file }, clock: () => now });
  const { tenant, project } = platform;
  let worker: Awaited<ReturnType<typeof startBackground>> | undefined;
  const { db } = platform.platform;
  const moveTo = (at: Date): void => {
    now = at;
    onMove(at);
  };
  const run = async (task: string): Promise<void> => {
    await addJob(db, task, {}, { queue: task });
    await vi.waitFor(async () => expect((await db.execute(runnable)).rows).toEqual([]), patience);
  };
  const metered = (until: Date) =>
    vi.waitFor(async () => expect(await usageStore.meteredUntil(db)).toEqual(until), patience);
  const token = async (grant: Parameters<TestPlatform["token"]>[0]) => as(await platform.token(grant));
  return {
    ...payersOf(platform),
    platform,
    tenant,
    project,
    moveTo,
    me: () => token({ owner: tenant, projectRoles: { "*": "owner" }, tenantRoles: { "*": "owner" }, adminRole: null }),
    operator: () => token({ owner: "root", projectRoles: {}, tenantRoles: {}, adminRole: "editor" }),
    async moveOverTheEnd(atMidnight = async () => {}) {
      moveTo(march(26));
      worker = await startBackground(platform.platform, platform.database.server, { concurrency: 4 });
      await metered(march(26));
      // The worker looks for the volume in the cluster, where nobody has made one: it is gone from now on.
      await vi.waitFor(async () => expect(await volumeStore.list(db, { project })).toEqual([]), patience);
      moveTo(march(32));
      await atMidnight();
      moveTo(march(32, 1));
      await run("usage.meter");
      await metered(march(32, 1));
    },
    run,
    async close() {
      await worker?.stop();
      await platform.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** The tenant becomes a customer with a discount of 12.5 %, a coupon of 50 € and a balance of 20 €. */
export async function becomeCustomer(month: Month, paymentMethodId: string): Promise<void> {
  const { payment, operators, discounts, coupons, tenant } = month;
  await payment.createOrUpdateCustomer(
    {
      login: tenant,
      name: "Payer",
      email: "payer@example.com",
      address,
      paymentMethodId,
      acceptedTermsAndConditions: true,
    },
    await month.me(),
  );
  const operator = await month.operator();
  await discounts.create({ tenant, name: "Partner", reduction: { case: "basisPointsOff", value: 1_250 } }, operator);
  const { coupon } = await coupons.create({ name: "Welcome", amountOff: 5_000n, durationInMonths: 3 }, operator);
  await operators.addCouponToCustomer({ customer: { login: tenant }, couponId: coupon?.id ?? "" }, operator);
  await operators.addBalanceToCustomer({ customer: { login: tenant }, balanceToAdd: 2_000n }, operator);
}

/** Lives through March: two clusters, a resize, a volume, an address; the worker is away for its second half. */
export async function liveThrough(month: Month): Promise<void> {
  const { platform, project } = month;
  const clusters = platform.client(ClusterService);
  const order = async (name: string, machineType: string, size: number): Promise<string> => {
    const workers = [{ name: "pool", machineType, minsize: size, maxsize: size }];
    const { cluster } = await clusters.create({ project, name, workers }, await month.me());
    await runs(platform, cluster?.uuid ?? "", machineType, size);
    return cluster?.uuid ?? "";
  };
  month.moveTo(march(2, 6));
  const first = await order("first", "n1-medium-x86", 2);
  const second = await order("second", "c1-large-x86", 1);

  month.moveTo(march(10, 18, 30));
  const { cluster } = await clusters.get({ project, uuid: first }, await month.me());
  const workers = (cluster?.workers ?? []).map(({ name, machineType }) => ({
    name,
    machineType,
    minsize: 3,
    maxsize: 3,
  }));
  await clusters.update({ project, uuid: first, workers }, await month.me());
  await runs(platform, first, "n1-medium-x86", 3);
  // From now on no worker is there: what it does not see, it learns of when it is back.
  await platform.stopBackground();

  month.moveTo(march(12));
  await seeVolume(platform, first);
  const ips = platform.client(IPService);
  const { ip } = await ips.allocate({ project, name: "web", static: true }, await month.me());
  month.moveTo(march(20, 12));
  await clusters.delete({ project, uuid: second }, await month.me());
  month.moveTo(march(25));
  await ips.delete({ project, uuid: ip?.uuid ?? "" }, await month.me());
}

/** Waits until so many machines of a type are counted. */
async function runs({ platform }: TestPlatform, cluster: string, machineType: string, size: number): Promise<void> {
  await vi.waitFor(async () => {
    const rows = await platform.db.select().from(clusterWorkers);
    const row = rows.find((one) => one.cluster === cluster && one.machineType === machineType);
    if (row?.machines !== size) throw new Error(`${row?.machines ?? "no"} machines run`);
  }, patience);
}

/** A volume of 50 GiB, as the reader of the cluster would report it. */
async function seeVolume({ platform }: TestPlatform, id: string): Promise<void> {
  const [cluster] = await clusterStore.byIds(platform.db, [id]);
  if (cluster === undefined) throw new Error("there is no such cluster");
  const volume = {
    ...{ id: uuidv7(), persistent_volume: "pv-data", name: "data", claim_namespace: "default", claim_name: "data" },
    ...{ storage_class: "fast", size: String(50n * 1024n ** 3n), state: "Bound", volume_handle: "data" },
    ...{ attached_to: [], node_ips: [], source_snapshot: null, source_snapshot_name: null, labels: {} },
    created_at: platform.clock().toISOString(),
  };
  await sightingStore.putVolumes(platform.db, cluster, [volume], platform.clock());
}
