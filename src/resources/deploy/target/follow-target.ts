import { createHash } from "node:crypto";
import type { Bell } from "../../../bell.js";
import { withoutValues } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Gate } from "../../../gate.js";
import type { Platform } from "../../../platform.js";
import type { ClusterBackends } from "../../api/cluster/backends.js";
import { backoffMs } from "../../api/cluster/inside/backoff.js";
import { type TargetClient, targetAccess, usableCluster } from "./access.js";
import { failureMessage } from "./failure.js";
import { lookAt, type Sight } from "./look.js";
import { type TargetKey, type TargetRow, targetStore } from "./store.js";
import { capabilitiesOf, type Doubt, lost, reached, settle, type Verdict, waiting } from "./verdict.js";
import type { TargetVisitor } from "./visitor.js";

/** How often and for how long targets are looked at. */
export interface ObserverPace {
  /** From one look at a target that is as it was to the next. */
  readonly recheckMs: number;
  /** The same when the last look said something else than what is shown. */
  readonly doubtMs: number;
  /** The longest look. */
  readonly lookMs: number;
  /** How many targets are looked at at a time. */
  readonly atOnce: number;
}

/** What following a target needs. */
export interface FollowTargetOptions {
  readonly signal: AbortSignal;
  readonly bell: Bell;
  readonly gate: Gate;
  readonly pace: ObserverPace;
  readonly visitors: readonly TargetVisitor[];
  readonly backends: ClusterBackends;
}

/** A target is busy with looks for this part of the time at most: the larger it is, the rarer they are. */
const restFactor = 20;

/** What is kept of a target between two looks. */
interface Followed {
  readonly version: number;
  readonly client: TargetClient;
  readonly failures: number;
  readonly doubt: Doubt | undefined;
  /** Of the nodes that were written last. */
  readonly nodesDigest: string;
}

/** Looks at one target time and again, and writes what it sees, until the signal aborts. */
export async function followTarget(platform: Platform, key: TargetKey, options: FollowTargetOptions): Promise<void> {
  const { signal, bell, gate, pace } = options;
  let followed: Followed | undefined;
  for (let faults = 0; !signal.aborted; ) {
    const leave = await gate.enter(signal);
    const startedAt = performance.now();
    let waitMs: number = pace.recheckMs;
    try {
      const row = signal.aborted ? undefined : await targetStore.get(platform.db, key);
      if (row !== undefined) {
        followed = await lookOnce(platform, row, renew(platform, row, followed, options), options);
        waitMs = restMs(followed, pace);
      }
      faults = 0;
    } catch (error) {
      faults += 1;
      waitMs = backoffMs(faults);
      if (!signal.aborted)
        platform.log.warn({ err: withoutValues(error), target: key.id }, "a look at a target failed");
    } finally {
      leave();
    }
    const tookMs = performance.now() - startedAt;
    await bell.wait(Math.max(waitMs, followed?.failures === 0 ? tookMs * restFactor : 0), signal);
  }
  followed?.client.close();
}

/**
 * Another version may have another kubeconfig: its access is new. The doubt stays, for a change of something else says
 * nothing of it, and a new kubeconfig makes the target pending, which is shown as it is seen at once.
 */
function renew(
  platform: Platform,
  row: TargetRow,
  followed: Followed | undefined,
  { backends }: FollowTargetOptions,
): Followed {
  if (followed?.version === row.version) return followed;
  followed?.client.close();
  const client = targetAccess(platform, row, backends);
  return { version: row.version, client, failures: 0, doubt: followed?.doubt, nodesDigest: "" };
}

function restMs({ failures, doubt }: Followed, { recheckMs, doubtMs }: ObserverPace): number {
  if (doubt !== undefined) return doubtMs;
  return failures > 0 ? Math.min(recheckMs, backoffMs(failures)) : recheckMs;
}

async function lookOnce(
  platform: Platform,
  row: TargetRow,
  followed: Followed,
  { signal, pace, visitors }: FollowTargetOptions,
): Promise<Followed> {
  const { client } = followed;
  let sight: Sight | undefined;
  let seen: Verdict;
  try {
    // It may still answer while it goes, and something else in its place afterwards.
    if (row.cluster !== null) await usableCluster(platform.db, row.cluster);
    sight = await lookAt(client, pace.lookMs, signal);
    seen = reached(sight);
  } catch (error) {
    if (signal.aborted) return followed;
    platform.log.debug({ err: error, target: row.id }, "a target does not answer");
    seen = isYetToCome(row, error) ? waiting(failureMessage(error)) : lost(failureMessage(error));
  }
  const { show, doubt } = settle(row, seen, followed.doubt);
  const nodesDigest = await write(platform, row, show, sight, followed.nodesDigest);
  const shown = { ...row, ...show };
  for (const visitor of visitors) {
    try {
      if (shown.connection === "connected") await visitor.visit(shown, client, signal);
      else await visitor.away(shown);
    } catch (error) {
      if (signal.aborted) break;
      platform.log.warn(
        { err: withoutValues(error), target: row.id, visitor: visitor.name },
        "a target was not visited",
      );
    }
  }
  return { ...followed, doubt, failures: sight === undefined ? followed.failures + 1 : 0, nodesDigest };
}

/** A cluster that is being made does not fail to answer. */
function isYetToCome({ connection, cluster }: TargetRow, error: unknown): boolean {
  const isUnavailable = error instanceof DomainError && error.kind === "unavailable";
  return connection === "pending" && cluster !== null && isUnavailable;
}

/** Writes what is to be shown; the nodes only when they are others, for they are large. */
async function write(
  { db, clock }: Platform,
  row: TargetRow,
  { connection, connectionMessage, health, healthMessage }: Verdict,
  sight: Sight | undefined,
  before: string,
): Promise<string> {
  const nodes = sight?.nodes?.nodes;
  const digest = nodes === undefined ? before : createHash("sha256").update(JSON.stringify(nodes)).digest("hex");
  await targetStore.observe(db, row, {
    ...{ connection, connectionMessage, health, healthMessage },
    server: sight?.server ?? row.server,
    kubernetesVersion: sight?.kubernetesVersion ?? row.kubernetesVersion,
    capabilities: sight === undefined ? row.capabilities : capabilitiesOf(sight),
    lastSeenAt: sight === undefined ? null : clock(),
    ...(nodes === undefined || digest === before ? {} : { nodes }),
  });
  return digest;
}
