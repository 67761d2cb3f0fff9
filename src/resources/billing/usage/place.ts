import type { TenantPeriod } from "./store.js";

/** The order of tenants' billing periods. The database sorts texts as its locale has it, which cannot be told here. */
export function byTime(one: TenantPeriod, other: TenantPeriod): number {
  const later = one.period.getTime() - other.period.getTime();
  return later === 0 ? Number(one.tenant > other.tenant) - Number(one.tenant < other.tenant) : later;
}

/** Where the job stopped that queued this one; undefined for the first. */
export function placeIn(payload: unknown): TenantPeriod | undefined {
  const { tenant, period } = (payload ?? {}) as { tenant?: unknown; period?: unknown };
  if (typeof tenant !== "string" || typeof period !== "string") return undefined;
  return { tenant, period: new Date(period) };
}
