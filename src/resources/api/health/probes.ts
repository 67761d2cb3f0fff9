import type { Logger } from "pino";
import type { ChangeFeed } from "../../../changes/feed.js";
import { withoutValues } from "../../../db/errors.js";
import type { Platform } from "../../../platform.js";
import { publishTask } from "../ip/jobs.js";
import { healthFacts } from "./facts.js";
import type { ProbeResult } from "./hysteresis.js";
import { heartbeatKey, partitionHealthStore, probeStore } from "./store.js";
import {
  changesVerdict,
  databaseVerdict,
  jobsVerdict,
  kubernetesVerdict,
  machinesVerdict,
  paymentVerdict,
  storageVerdict,
} from "./verdicts.js";

/** What a probe found out about one thing. */
export interface Finding extends ProbeResult {
  /** Such as "database"; with the partition it names what the result is about. */
  readonly probe: string;
  /** Empty for the whole platform. */
  readonly partition: string;
  /** When it was so; now unless told. */
  readonly observedAt?: Date;
}

/** Looks at something again and again. */
export interface Probe {
  /** For logs. */
  readonly name: string;
  readonly everyMs: number;
  /** How long a look may take; a later result does not count. */
  readonly deadlineMs: number;
  /** What there is to say now; throws when nothing can be said. */
  run(): Promise<readonly Finding[]>;
}

/** How long a change may take through the change feed. */
const changeMs = 3_000;
const deadlineMs = 4_000;

/** Everything that is looked at; `others` are the probes of what not every platform has. */
export function allProbes(platform: Platform, others: readonly Probe[] = []): readonly Probe[] {
  return [heartbeat(platform), jobs(platform), kubernetes(platform), inside(platform), ...others];
}

/** What the probe of payments needs from whoever takes payments. */
export interface PaymentProbe {
  /** Asks the payment processor for something that changes nothing; throws when it refuses or does not answer. */
  check(signal: AbortSignal): Promise<unknown>;
}

/** The probe of a payment processor; without one there is nothing to probe, and nothing is said of payments. */
export function paymentProbe({ check }: PaymentProbe, log: Logger, patienceMs = deadlineMs): Probe {
  return {
    name: "payment",
    // What is not told again within `silenceMs` (rules.ts) is not listed any more.
    everyMs: 15_000,
    deadlineMs: 2 * patienceMs,
    async run() {
      const answered = await inTime(patienceMs, check(AbortSignal.timeout(patienceMs))).then(
        () => true,
        (error: unknown) => {
          log.warn({ err: withoutValues(error) }, "the probe of the payment processor failed");
          return false;
        },
      );
      return [{ probe: "payment", partition: "", ...paymentVerdict(answered) }];
    },
  };
}

/** Writes, reads, and waits for the change: the sign that a worker lives, the database and the change feed in one. */
function heartbeat({ db, feed, clock, newId, log }: Platform): Probe {
  return {
    name: "heartbeat",
    // Each server reads the states again with each beat: it must come well before the silence of workers.
    everyMs: 5_000,
    deadlineMs: 2 * deadlineMs,
    async run() {
      const change = heard(feed, "probe", heartbeatKey, deadlineMs + changeMs);
      const startedAt = performance.now();
      const isRead = await inTime(deadlineMs, probeStore.beat(db, newId(), clock())).catch((error: unknown) => {
        log.warn({ err: withoutValues(error) }, "the probe of the database failed");
        return false;
      });
      const ms = isRead ? performance.now() - startedAt : undefined;
      const database = { probe: "database", partition: "", ...databaseVerdict(ms) };
      if (!isRead) return [database];
      const cameBack = await inTime(changeMs, change).then(
        () => true,
        () => false,
      );
      return [database, { probe: "changes", partition: "", ...changesVerdict(cameBack) }];
    },
  };
}

function jobs({ db }: Platform): Probe {
  return {
    name: "jobs",
    everyMs: 10_000,
    deadlineMs,
    run: async () => [{ probe: "jobs", partition: "", ...jobsVerdict(await healthFacts.jobs(db, [publishTask])) }],
  };
}

/** The followers of the partitions report by themselves, and at once; all there is to do is to read that. */
function kubernetes({ db }: Platform): Probe {
  return {
    name: "kubernetes",
    everyMs: 2_000,
    deadlineMs,
    run: async () =>
      (await partitionHealthStore.list(db)).map(({ partition, reachable, observedAt }) => ({
        probe: "kubernetes",
        partition,
        observedAt,
        ...kubernetesVerdict(reachable),
      })),
  };
}

/** Storage and machines, by what is known of the clusters. */
function inside({ db, assets }: Platform): Probe {
  return {
    name: "inside of clusters",
    everyMs: 10_000,
    deadlineMs,
    async run() {
      const known = await healthFacts.partitions(db);
      return assets.partitions.flatMap((partition) => {
        const figures = known.filter((each) => each.partition === partition);
        return [
          { probe: "storage", partition, ...storageVerdict(figures) },
          { probe: "machines", partition, ...machinesVerdict(figures) },
        ];
      });
    },
  };
}

/** Resolves with the next change of a key, or with a gap of the feed, but never after `ms`. */
function heard(feed: ChangeFeed, topic: string, key: string, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = feed.subscribe(topic, (batch) => {
      if (batch !== "resync" && !batch.some((change) => change.key === key)) return;
      forget();
      resolve();
    });
    const forget = (): void => {
      clearTimeout(timer);
      unsubscribe();
    };
    const timer = setTimeout(forget, ms).unref();
  });
}

/** Waits for work, at most so long; throws when it is late. */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
