import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { stringify } from "yaml";
import { BudgetService } from "../../../gen/ts/billing/v1/budget_pb.js";
import { UsageService } from "../../../gen/ts/billing/v1/usage_pb.js";
import { parseBilling } from "../../../src/billing-file.js";
import { clusters } from "../../../src/resources/api/cluster/table.js";
import { volumes } from "../../../src/resources/api/volume/table.js";
import { syncPrices } from "../../../src/resources/billing/price/background.js";
import { meter } from "../../../src/resources/billing/usage/meter.js";
import { as, startPlatform, type TestTenant } from "../../support/platform.js";

/** Prices of products by id: what stands before the bracket is the meter, in it the variant. */
export type Prices = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const GiB = 2n ** 30n;

/** A billing file: `{"volume(fast)": {"2026-01-01T00:00:00Z": "1.5"}}` is a product of that name. */
export function billingFile(prices: Prices, rest: object = {}): string {
  const products = Object.entries(prices).map(([key, periods]) => {
    const [, meter = "", , variant = ""] = /^([a-z_]+)(\((.*)\))?$/.exec(key) ?? [];
    const id = `${meter}-${variant || "all"}`.replaceAll("_", "-");
    const list = Object.entries(periods).map(([validFrom, unitAmount]) => ({ validFrom, unitAmount }));
    return [id, { name: `Name of ${id}`, meter, variant, prices: list }];
  });
  const address = { line1: "Street 1", postalCode: "80331", city: "Munich", country: "DE" };
  const seller = { name: "Example", email: "billing@example.com", address };
  return stringify({ currency: "eur", seller, products: Object.fromEntries(products), ...rest });
}

/** A platform with prices whose clock stands where a test sets it, and what runs on it. */
export async function openBillingWorld(options: {
  readonly now: string;
  readonly prices: Prices;
  readonly background?: boolean;
}) {
  let now = new Date(options.now);
  const folder = await mkdtemp(join(tmpdir(), "slipway-billing-"));
  const file = join(folder, "billing.yaml");
  await writeFile(file, billingFile(options.prices));
  const platform = await startPlatform({
    background: options.background ?? false,
    clock: () => now,
    env: { SLIPWAY_BILLING_FILE: file },
  });
  const { db } = platform.platform;
  await syncPrices(platform.platform);
  const partition = "eqx-mu4";
  return {
    platform,
    db,
    usage: platform.client(UsageService),
    budgets: platform.client(BudgetService),
    /** Moves the clock. */
    setNow(time: string | Date): void {
      now = new Date(time);
    },
    /** Moves the clock, and meters all hours that are over then. */
    async meterAt(time: string | Date): Promise<void> {
      now = new Date(time);
      await meter(platform.platform, now);
    },
    /** Prices of another file, as a worker that starts with it brings them. */
    async reprice(prices: Prices, rest: object = {}): Promise<void> {
      const billing = parseBilling(billingFile(prices, rest), platform.platform.assets);
      await syncPrices({ ...platform.platform, billing });
    },
    /** The options of a call of the tenant's owner, with a token that holds now. */
    async owner({ tenant }: Pick<TestTenant, "tenant"> = platform) {
      const grant = { owner: tenant, projectRoles: {}, tenantRoles: { "*": "owner" }, adminRole: null } as const;
      return as(await platform.token(grant));
    },
    /** A cluster without workers that was ordered then. */
    async cluster(project: string, at: string | Date, name = randomUUID().slice(0, 8)): Promise<string> {
      const id = randomUUID();
      const time = new Date(at);
      const status = { statusType: "Create", statusState: "Succeeded", statusProgress: 100 } as const;
      await db.insert(clusters).values({
        ...{ id, project, partition, name, kubernetesVersion: "1.33.5", workers: [], ...status },
        ...{ kubernetesAutoupdate: false, machineimageAutoupdate: false },
        ...{ maintenanceBegin: time, maintenanceSeconds: 3_600, createdAt: time, updatedAt: time },
      });
      return id;
    },
    /** Ends the use of a cluster. */
    async endCluster(id: string, at: string | Date): Promise<void> {
      await db
        .update(clusters)
        .set({ deleteRequestedAt: new Date(at) })
        .where(eq(clusters.id, id));
    },
    /** A volume of a cluster that was made then. */
    async volume(
      place: { readonly project: string; readonly cluster: string },
      facts: {
        readonly size: bigint;
        readonly at: string | Date;
        readonly name?: string;
        readonly storageClass?: string;
      },
    ): Promise<string> {
      const id = randomUUID();
      const { size, at, name = id.slice(0, 8), storageClass = "standard" } = facts;
      const stamps = { createdAt: new Date(at), updatedAt: new Date(at) };
      const handle = { persistentVolume: `pv-${id}`, volumeHandle: id, state: "Bound" };
      await db.insert(volumes).values({ id, ...place, partition, name, size, storageClass, ...handle, ...stamps });
      return id;
    },
    /** Changes the size of a volume, or ends it. */
    async resize(id: string, size: bigint | undefined, at: string | Date): Promise<void> {
      const updatedAt = new Date(at);
      const change = size === undefined ? { deletedAt: updatedAt, updatedAt } : { size, updatedAt };
      await db.update(volumes).set(change).where(eq(volumes.id, id));
    },
    async close(): Promise<void> {
      await platform.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type BillingWorld = Awaited<ReturnType<typeof openBillingWorld>>;
