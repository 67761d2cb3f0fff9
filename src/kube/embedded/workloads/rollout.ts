import { shareOf } from "./objects.js";

/** The replicas of one ReplicaSet in a rollout. */
export interface Share {
  /** As its spec asks. */
  readonly replicas: number;
  /** Available now; never more than it is to keep. */
  readonly available: number;
}

/** What a rollout may do. */
export interface Bounds {
  readonly desired: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** The bounds of a rolling update; as upstream, both at zero count as one that may be unavailable. */
export function boundsOf(desired: number, rollingUpdate: { maxSurge?: unknown; maxUnavailable?: unknown }): Bounds {
  const maxSurge = shareOf(rollingUpdate.maxSurge, desired, "up", "25%");
  const unavailable = shareOf(rollingUpdate.maxUnavailable, desired, "down", "25%");
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { desired, maxSurge, maxUnavailable: Math.min(maxUnavailable, desired) };
}

/** How many replicas the new ReplicaSet is to have next. */
export function nextNew({ desired, maxSurge }: Bounds, fresh: Share, old: readonly Share[]): number {
  if (fresh.replicas >= desired) return desired;
  const room = desired + maxSurge - fresh.replicas - sum(old, "replicas");
  return Math.min(desired, fresh.replicas + Math.max(0, room));
}

/** How many replicas the old ReplicaSets, the oldest first, are to have next. */
export function nextOld({ desired, maxUnavailable }: Bounds, fresh: Share, old: readonly Share[]): number[] {
  const least = desired - maxUnavailable;
  const missing = Math.max(0, fresh.replicas - fresh.available);
  let unhealthy = Math.max(0, fresh.replicas + sum(old, "replicas") - least - missing);
  // Those that do not work anyway go first; they take nothing away.
  const cleaned = old.map(({ replicas, available }) => {
    const gone = Math.min(unhealthy, Math.max(0, replicas - available));
    unhealthy -= gone;
    return replicas - gone;
  });
  let spare = Math.min(unhealthy, Math.max(0, fresh.available + sum(old, "available") - least));
  return cleaned.map((replicas) => {
    const gone = Math.min(spare, replicas);
    spare -= gone;
    return replicas - gone;
  });
}

/** Shares a new size among ReplicaSets in proportion to what they have, the largest first. */
export function proportional(sizes: readonly number[], total: number): number[] {
  const before = sizes.reduce((all, size) => all + size, 0);
  if (before === 0) return [...sizes];
  const shared = sizes.map((size) => Math.floor((size * total) / before));
  const left = total - shared.reduce((all, size) => all + size, 0);
  const largest = sizes.indexOf(Math.max(...sizes));
  return shared.map((size, index) => (index === largest ? size + left : size));
}

function sum(shares: readonly Share[], field: keyof Share): number {
  return shares.reduce((all, share) => all + share[field], 0);
}
