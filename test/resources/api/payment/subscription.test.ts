import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { invoices } from "../../../../src/resources/billing/invoice/table.js";
import { syncPrices } from "../../../../src/resources/billing/price/background.js";
import { priceStore } from "../../../../src/resources/billing/price/store.js";
import { usageTotals } from "../../../../src/resources/billing/usage/table.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { type Payers, payersOf, withPrices } from "./support/payers.js";

let platform: TestPlatform;
let payers: Payers;
let prices: Awaited<ReturnType<typeof withPrices>>;
beforeAll(async () => {
  prices = await withPrices();
  platform = await startPlatform({ background: false, env: prices.env });
  await syncPrices(platform.platform);
  payers = payersOf(platform);
});
afterAll(async () => {
  await platform?.close();
  await prices?.remove();
});

const monthOf = (at: Date, later = 0) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + later, 1));
const secondsOf = (at: Date) => BigInt(at.getTime() / 1_000);

it("everybody sees the prices, and customers theirs [metalstack.api.v1.PaymentService.GetDefaultPrices]", async () => {
  const answer = await payers.payment.getDefaultPrices({});
  const expected = [
    { name: "Kubernetes control plane", unitAmountDecimal: 1, currency: "eur", unitLabel: "cluster per hour" },
  ];
  expect(answer.prices).toMatchObject(expected);
  const { tenant, me } = await payers.customer();
  const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, me);
  expect(customer?.prices).toMatchObject(expected);
});

it("owners see what was used in this period, in whole units [metalstack.api.v1.PaymentService.GetSubscriptionUsage]", async () => {
  const { db, clock, newId } = platform.platform;
  const { tenant, project, me } = await payers.customer();
  const usage = async () => (await payers.payment.getSubscriptionUsage({ login: tenant }, me)).subscriptionUsageItems;
  expect(await usage()).toEqual([]);
  const [price] = await priceStore.list(db);
  const period = monthOf(clock());
  const total = { tenant, price: price?.id ?? "", correction: false, project };
  // Two hours and a half of one cluster, an hour and a half of another, and some of an earlier month.
  for (const [at, quantity] of [
    [period, "9000"],
    [period, "5400"],
    [monthOf(clock(), -1), "3600"],
  ] as const) {
    await db.insert(usageTotals).values({ ...total, period: at, resource: newId(), quantity });
  }
  await payers.discounts.create(
    { tenant, name: "Friends", order: 0, reduction: { case: "basisPointsOff", value: 1_000 } },
    payers.root,
  );
  expect(await usage()).toMatchObject([
    {
      subscriptionItemId: "kubernetes",
      subscriptionItemName: "Kubernetes control plane",
      totalUsage: 4n,
      periodStart: { seconds: secondsOf(period) },
      periodEnd: { seconds: secondsOf(monthOf(clock(), 1)) },
      discounts: [{ name: "Friends", percentageOff: 10 }],
    },
  ]);
});

it("owners see the invoices of their own account, each with its PDF [metalstack.api.v1.PaymentService.GetInvoices]", async () => {
  const { db, clock, newId } = platform.platform;
  const mine = await payers.customer();
  const other = await payers.customer();
  const list = (customerId: string) => payers.payment.getInvoices({ login: mine.tenant, customerId }, mine.me);
  expect((await list(mine.customerId)).invoices).toEqual([]);
  const party = { name: "Ada", email: "", vat: "", address: null };
  const [sums, now] = [{ subtotal: 100n, discount: 0n, coupon: 0n, vat: 0n, balance: 0n }, clock()];
  for (const [month, processorId] of [
    [-2, ""],
    [-1, "in_0001"],
  ] as const) {
    const times = { periodStart: monthOf(now, month), periodEnd: monthOf(now, month + 1), issuedAt: now, dueAt: now };
    const row = { id: newId(), tenant: mine.tenant, number: `n${month}`, processor: "ledger", processorId } as const;
    const rest = {
      currency: "eur",
      vatBasisPoints: 0,
      status: "open",
      seller: { ...party, footer: [] },
      customer: party,
    } as const;
    await db.insert(invoices).values({ ...row, ...times, ...sums, ...rest });
  }
  const [own] = await db.select().from(invoices).where(eq(invoices.number, "n-2"));
  const { invoices: listed } = await list(mine.customerId);
  expect(listed.map(({ id }) => id)).toEqual(["in_0001", own?.id]);
  expect(listed[1]).toMatchObject({
    periodStart: { seconds: secondsOf(monthOf(now, -2)) },
    periodEnd: { seconds: secondsOf(monthOf(now, -1)) },
  });
  const pdf = await fetch(listed[1]?.pdfDownloadUrl ?? "");
  expect([pdf.status, pdf.headers.get("content-type")]).toEqual([200, "application/pdf"]);
  await pdf.arrayBuffer();
  expect(await codeOf(list(other.customerId))).toBe("NotFound");
  expect(await codeOf(list("short"))).toBe("InvalidArgument");
});
