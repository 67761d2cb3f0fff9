import { formatDecimal } from "../decimal.js";
import { amountOf, formatUnits, type PricedUse, partOf } from "../money.js";

/** What a resource used of a product at one price, and how all of that is called. */
export interface BilledUse extends PricedUse {
  /** A correction is use of a period whose invoice had been issued. */
  readonly kind: "usage" | "correction";
  readonly project: string;
  readonly projectName: string;
  readonly resource: string;
  readonly resourceName: string;
  readonly product: string;
  readonly productName: string;
  readonly unitLabel: string;
}

/** A discount: an amount of minor units, or a part in hundredths of a percent. */
export type Reduction = { readonly name: string } & (
  | { readonly amountOff: bigint; readonly basisPointsOff: null }
  | { readonly amountOff: null; readonly basisPointsOff: number }
);

/** What is left of a coupon that a customer got. */
export interface CouponCredit {
  /** Id of the grant. */
  readonly grant: string;
  readonly name: string;
  readonly expiresAt: Date;
  /** Minor units. */
  readonly left: bigint;
}

/** On which terms use is billed. */
export interface InvoiceTerms {
  /** End of the billing period: coupons that expired before pay nothing. */
  readonly periodEnd: Date;
  /** In the order in which they are applied. */
  readonly discounts: readonly Reduction[];
  readonly coupons: readonly CouponCredit[];
  readonly vatBasisPoints: number;
  /** Minor units of credit that is no coupon's. */
  readonly balance: bigint;
  /** Lines beside those of the use, which discounts, coupons and tax apply to as well; none unless told. */
  readonly extra?: readonly DraftLine[];
}

/** A line of an invoice, as it is stored. */
export interface DraftLine {
  readonly kind: "usage" | "correction" | "discount" | "coupon";
  readonly description: string;
  readonly project: string | null;
  readonly projectName: string;
  readonly resource: string | null;
  readonly resourceName: string;
  readonly product: string;
  readonly quantity: string;
  readonly unitLabel: string;
  readonly unitAmount: string;
  readonly amount: bigint;
}

/** What an invoice takes from credit: from the grant of a coupon, or from the balance. */
export interface CreditTaken {
  readonly couponGrant: string | null;
  readonly amount: bigint;
}

/** An invoice before it is issued; amounts in minor units. */
export interface InvoiceDraft {
  readonly lines: readonly DraftLine[];
  readonly subtotal: bigint;
  readonly discount: bigint;
  readonly coupon: bigint;
  /** Subtotal less discount and coupon; below 0 when corrections take back more than was used. */
  readonly net: bigint;
  readonly vat: bigint;
  readonly total: bigint;
  readonly balance: bigint;
  /** What is left to pay. */
  readonly due: bigint;
  readonly taken: readonly CreditTaken[];
}

/**
 * Computes an invoice. Each line is rounded by itself; then discounts in their order, each from what the ones before
 * have left; coupons, the one that expires soonest first; value added tax on the rest; and credit pays of the total.
 */
export function computeInvoice(use: readonly BilledUse[], terms: InvoiceTerms): InvoiceDraft {
  const usage = [...linesOf(use), ...(terms.extra ?? [])];
  const subtotal = sum(usage);
  const discounts = discountLines(terms.discounts, subtotal);
  const discount = -sum(discounts);
  const coupons = couponLines(usable(terms), subtotal - discount);
  const coupon = -sum(coupons.map(({ line }) => line));
  const net = subtotal - discount - coupon;
  const vat = net > 0n ? partOf(net, terms.vatBasisPoints) : 0n;
  const total = net + vat;
  const balance = least(total, terms.balance);
  const fromCoupons = coupons.map(({ line, grant }) => ({ couponGrant: grant, amount: -line.amount }));
  return {
    lines: [...usage, ...discounts, ...coupons.map(({ line }) => line)],
    subtotal,
    discount,
    coupon,
    net,
    vat,
    total,
    balance,
    due: total > 0n ? total - balance : 0n,
    taken: balance > 0n ? [...fromCoupons, { couponGrant: null, amount: balance }] : fromCoupons,
  };
}

/** The lines of use by project, resource and product, each rounded by itself; without those that cost nothing. */
export function linesOf(use: readonly BilledUse[]): DraftLine[] {
  const sorted = use.map((each) => ({ key: sortKey(each), each })).sort((a, b) => compare(a.key, b.key));
  return sorted.map(({ each }) => lineOf(each)).filter(({ amount }) => amount !== 0n);
}

function lineOf(use: BilledUse): DraftLine {
  return {
    kind: use.kind,
    description: use.productName,
    project: use.project,
    projectName: use.projectName,
    resource: use.resource,
    resourceName: use.resourceName,
    product: use.product,
    quantity: formatUnits(use.quantity, use.unitSize, 6),
    unitLabel: use.unitLabel,
    unitAmount: formatDecimal(use.unitAmountNano, 9),
    amount: amountOf(use),
  };
}

/** Names first, and then what makes the order the same whenever it is made. */
function sortKey(use: BilledUse): readonly string[] {
  const { projectName, project, resourceName, resource, product, kind, unitAmountNano } = use;
  const price = String(unitAmountNano).padStart(40, "0");
  return [projectName, project, resourceName, resource, product, kind === "usage" ? "0" : "1", price];
}

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at] ?? "";
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function discountLines(discounts: readonly Reduction[], subtotal: bigint): DraftLine[] {
  let left = subtotal;
  return discounts.flatMap((discount) => {
    const wanted = discount.amountOff ?? partOf(left, discount.basisPointsOff);
    const off = least(left, wanted);
    left -= off;
    return off > 0n ? [plainLine("discount", discount.name, -off)] : [];
  });
}

function couponLines(coupons: readonly CouponCredit[], net: bigint): { line: DraftLine; grant: string }[] {
  let left = net;
  return coupons.flatMap(({ grant, name, left: credit }) => {
    const paid = least(left, credit);
    left -= paid;
    return paid > 0n ? [{ line: plainLine("coupon", name, -paid), grant }] : [];
  });
}

function usable({ coupons, periodEnd }: InvoiceTerms): CouponCredit[] {
  const order = (a: CouponCredit, b: CouponCredit): number =>
    a.expiresAt.getTime() - b.expiresAt.getTime() || compare([a.grant], [b.grant]);
  return coupons.filter(({ expiresAt }) => expiresAt >= periodEnd).sort(order);
}

function plainLine(kind: "discount" | "coupon", description: string, amount: bigint): DraftLine {
  const nothing = { project: null, projectName: "", resource: null, resourceName: "", product: "" };
  return { kind, description, ...nothing, quantity: "", unitLabel: "", unitAmount: "", amount };
}

const sum = (lines: readonly DraftLine[]): bigint => lines.reduce((total, { amount }) => total + amount, 0n);

/** The lesser of the two, and never below 0. */
function least(a: bigint, b: bigint): bigint {
  const lesser = a < b ? a : b;
  return lesser > 0n ? lesser : 0n;
}
