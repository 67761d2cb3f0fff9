import { sql } from "drizzle-orm";
import type { BillingSettings } from "../../../../src/billing.js";
import type { Database } from "../../../../src/db/database.js";
import { uuid } from "../usage/book.js";

/** Use of a tenant that costs so many cents, in a month. */
export interface Spent {
  readonly tenant: string;
  readonly period: Date;
  readonly cents: bigint;
  readonly resource?: string;
  readonly correction?: boolean;
}

/** The only price: a cent for a unit, which is an hour. */
const price = uuid(900);

/** A seller in Germany, whose invoices are due after two weeks and issued a day after the month. */
export const billing: BillingSettings = {
  currency: "eur",
  seller: {
    name: "Example Cloud GmbH",
    email: "billing@cloud.example",
    vat: "DE123456789",
    address: { line1: "Cloudallee 1", line2: "", postalCode: "80331", city: "München", state: "", country: "DE" },
    footer: ["Example Bank, IBAN on request"],
  },
  vat: { rates: new Map([["DE", 1_900]]), other: 0, reverseCharge: new Set(["AT"]) },
  paymentTermDays: 14,
  invoiceDelayHours: 24,
  products: [],
};

/** The month that begins so many months after January 2025. */
export const month = (n: number): Date => new Date(Date.UTC(2025, n, 1));

/** A time of day on a day of 2025. */
export const day = (monthNumber: number, dayNumber: number, hour = 0): Date =>
  new Date(Date.UTC(2025, monthNumber, dayNumber, hour));

/** Says until when use is known. */
export async function setMetered(db: Database, until: Date): Promise<void> {
  await db.execute(sql`update metering set metered_until = ${until.toISOString()}`);
}

/** Writes what the meter would have counted. */
export async function spend(db: Database, spent: readonly Spent[]): Promise<void> {
  await db.execute(sql`
    insert into prices (id, product, name, meter, variant, product_type, unit_label, unit_size, unit_amount_nano,
      currency, valid_from)
    values (${price}, 'worker', 'Worker', 'worker', '', 1, 'machine per hour', 3600, 1000000000, 'eur', '2024-01-01Z')
    on conflict do nothing`);
  for (const { tenant, period, cents, resource = uuid(1), correction = false } of spent) {
    await db.execute(sql`
      insert into usage_facts (tenant, project, project_name, resource, resource_name, meter, variant, quantity, at)
      values (${tenant}, ${uuid(50)}, 'shop', ${resource}, 'web', 'worker', '', 0, ${period.toISOString()})`);
    await db.execute(sql`
      insert into usage_totals (tenant, period, resource, price, correction, project, quantity)
      values (${tenant}, ${period.toISOString()}, ${resource}, ${price}, ${correction}, ${uuid(50)},
        ${String(cents * 3_600n)}::numeric)`);
  }
}

/** Gives a tenant a customer account. */
export async function makeCustomer(db: Database, tenant: string, country = "DE", vat = ""): Promise<void> {
  const address = { ...billing.seller.address, country };
  const id = `cus_${tenant.padEnd(14, "x")}`.slice(0, 18);
  await db.execute(sql`
    insert into customers (tenant, id, processor, name, email, vat, address, created_at, updated_at)
    values (${tenant}, ${id}, 'ledger', ${`${tenant} Ltd`}, ${`${tenant}@example.com`}, ${vat},
      ${JSON.stringify(address)}::jsonb, now(), now())`);
}

/** Gives a customer credit that is no coupon's. */
export async function giveBalance(db: Database, tenant: string, cents: bigint, newId: () => string): Promise<void> {
  await db.execute(sql`
    insert into credit_entries (id, tenant, amount, currency, at)
    values (${newId()}, ${tenant}, ${cents}, 'eur', now())`);
}

/** Gives a customer a coupon. */
export async function grantCoupon(
  db: Database,
  { tenant, cents, expiresAt, newId }: { tenant: string; cents: bigint; expiresAt: Date; newId: () => string },
): Promise<void> {
  const coupon = newId();
  const grant = newId();
  await db.execute(sql`
    insert into coupons (id, name, amount_off, currency, duration_in_months, created_at)
    values (${coupon}, 'Welcome', ${cents}, 'eur', 3, now())`);
  await db.execute(sql`
    insert into coupon_grants (id, tenant, coupon, granted_at, expires_at)
    values (${grant}, ${tenant}, ${coupon}, now(), ${expiresAt.toISOString()})`);
  await db.execute(sql`
    insert into credit_entries (id, tenant, coupon_grant, amount, currency, at)
    values (${newId()}, ${tenant}, ${grant}, ${cents}, 'eur', now())`);
}

/** Gives a customer a discount, in hundredths of a percent. */
export async function giveDiscount(db: Database, tenant: string, basisPoints: number, newId: () => string) {
  await db.execute(sql`
    insert into discounts (id, tenant, name, basis_points_off, "order", created_at)
    values (${newId()}, ${tenant}, 'Partner', ${basisPoints}, 0, now())`);
}
