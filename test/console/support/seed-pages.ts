import { randomUUID } from "node:crypto";
import { InvoiceService } from "../../../gen/ts/billing/v1/invoice_pb.js";
import { AddressPoolService } from "../../../gen/ts/infra/v1/address_pool_pb.js";
import { NoticeService } from "../../../gen/ts/infra/v1/notice_pb.js";
import { MessageKind } from "../../../gen/ts/status/v1/message_pb.js";
import { clusters } from "../../../src/resources/api/cluster/table.js";
import { ipUses } from "../../../src/resources/api/ip/table.js";
import { snapshots, volumes } from "../../../src/resources/api/volume/table.js";
import { issueInvoices } from "../../../src/resources/billing/invoice/issue.js";
import { billing, giveBalance, makeCustomer, setMetered, spend } from "../../resources/billing/invoice/books.js";
import { as, type TestPlatform } from "../../support/platform.js";

const GiB = 1024n ** 3n;

/** The month that begins so many months from now. */
export function monthFromNow(by: number): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + by, 1));
}

/** A cluster that is ready, of which there is only the row. */
export async function seedCluster({ platform: { db }, project }: TestPlatform): Promise<string> {
  const id = randomUUID();
  const now = new Date();
  await db.insert(clusters).values({
    ...{ id, project, partition: "eqx-mu4", name: "shop", kubernetesVersion: "1.33.1", workers: [] },
    ...{ kubernetesAutoupdate: false, machineimageAutoupdate: false, maintenanceBegin: now, maintenanceSeconds: 3_600 },
    ...{ statusType: "Create", statusState: "Succeeded", statusProgress: 100, createdAt: now, updatedAt: now },
  });
  return id;
}

/** A volume that is attached, one that is not, and a snapshot. */
export async function seedStorage({ platform: { db }, project }: TestPlatform, cluster: string): Promise<void> {
  const now = new Date();
  const common = { project, cluster, partition: "eqx-mu4", storageClass: "standard", createdAt: now, updatedAt: now };
  const [data, cache] = [randomUUID(), randomUUID()];
  const labels = { team: "shop", "topology.kubernetes.io/zone": "eqx-mu4" };
  await db.insert(volumes).values([
    {
      ...{ ...common, id: data, name: "data", size: 20n * GiB, state: "Bound", labels },
      ...{ persistentVolume: "pv-data", volumeHandle: data, attachedTo: ["csi:host:shop-group-0-7x2.node"] },
    },
    {
      ...{ ...common, id: cache, name: "cache", size: 5n * GiB, state: "Available" },
      ...{ persistentVolume: "pv-cache", volumeHandle: cache },
    },
  ]);
  await db.insert(snapshots).values({
    ...{ ...common, id: randomUUID(), name: "nightly", size: 20n * GiB, state: "Ready", content: "content" },
    ...{ namespace: "default", sourceVolume: data, sourceVolumeName: "data", retentionSeconds: 604_800 },
  });
}

/** What was used two months ago, with its invoice, and this month; addresses to hand out; a word of the operators. */
export async function seedBooks(platform: TestPlatform): Promise<{ readonly invoice: string }> {
  const { client, adminToken, tenant, tokens } = platform;
  const { db } = platform.platform;
  await makeCustomer(db, tenant);
  await spend(db, [
    { tenant, period: monthFromNow(-2), cents: 123_456n },
    { tenant, period: monthFromNow(0), cents: 4_217n },
  ]);
  await setMetered(db, monthFromNow(0));
  // Issued on the second day of last month, and due since its sixteenth.
  const issued = new Date(monthFromNow(-1).getTime() + 86_400_000);
  await issueInvoices({ ...platform.platform, clock: () => issued }, billing, { limit: 100 });
  await giveBalance(db, tenant, 1_000_000n, platform.platform.newId);
  const pool = { name: "tests", network: "internet", cidrs: ["198.51.100.0/24"] };
  await client(AddressPoolService).create(pool, as(adminToken));
  const notice = { text: "The network of eqx-mu4 is slow.", kind: MessageKind.INCIDENT, pinned: true };
  await client(NoticeService).post(notice, as(adminToken));
  const { invoices } = await client(InvoiceService).list({ login: tenant }, as(tokens.owner));
  return { invoice: invoices[0]?.uuid ?? "" };
}

/** A Service in a cluster uses an address from now on. */
export async function useAddress({ platform: { db } }: TestPlatform, ip: string, cluster: string): Promise<void> {
  await db.insert(ipUses).values({ ip, cluster, namespace: "default", service: "front", since: new Date() });
}
