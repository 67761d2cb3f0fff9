import type { Usage } from "../../../../gen/ts/billing/v1/usage_pb.js";

/** What a product cost in a project. */
export interface Sum {
  readonly project: string;
  readonly projectName: string;
  readonly product: string;
  readonly amount: bigint;
}

/** What was used, by project and product, the dearest first. */
export function sumsOf(usages: readonly Usage[]): readonly Sum[] {
  const sums = new Map<string, Sum>();
  for (const { project, projectName, product, productName, amount } of usages) {
    const key = `${project} ${product}`;
    const before = sums.get(key);
    sums.set(key, {
      project,
      projectName: projectName || project,
      product: productName || product,
      amount: (before?.amount ?? 0n) + amount,
    });
  }
  return [...sums.values()].sort((a, b) => (a.amount === b.amount ? 0 : a.amount > b.amount ? -1 : 1));
}

/** All of them together. */
export function totalOf(sums: readonly { readonly amount: bigint }[]): bigint {
  return sums.reduce((sum, { amount }) => sum + amount, 0n);
}

/** The names in the order of what they cost, the dearest first, each once. */
export function namesBy(sums: readonly Sum[], field: "project" | "product"): readonly string[] {
  const totals = new Map<string, bigint>();
  for (const sum of sums) totals.set(sum[field], (totals.get(sum[field]) ?? 0n) + sum.amount);
  return [...totals].sort(([, a], [, b]) => (a === b ? 0 : a > b ? -1 : 1)).map(([name]) => name);
}
