import type pg from "pg";
import type { Logger } from "pino";
import { DomainError } from "../errors.js";

export interface BoundedPoolOptions {
  /** How many may wait for a connection; 0 is no limit. */
  readonly mostWaiting: number;
  readonly log: Logger;
}

const retryAfterMs = 1_000;
const logEveryMs = 10_000;

/**
 * A pool for callers who may be refused: while as many wait for a connection as may, the next one is told to come
 * again, at once, instead of being kept until its time is up. Whoever waits on the pool itself is never refused, and
 * has at most these before it. A class, and of this name, because drizzle knows pools by that.
 */
export class BoundedPool {
  #refused = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly pool: pg.Pool,
    private readonly options: BoundedPoolOptions,
  ) {}

  /** As the pool's own; rejects with DomainError "exhausted" when too many wait. */
  query(...args: unknown[]): Promise<unknown> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return (this.pool.query as unknown as (...all: unknown[]) => Promise<unknown>).apply(this.pool, args);
  }

  /** The same for a connection. */
  connect(): Promise<pg.PoolClient> {
    const refusal = this.#refusal();
    return refusal === undefined ? this.pool.connect() : Promise.reject(refusal);
  }

  #refusal(): DomainError | undefined {
    const { mostWaiting } = this.options;
    // Those who are about to get a connection that is free count as waiting, too.
    const waiting = this.pool.waitingCount - this.pool.idleCount;
    if (mostWaiting === 0 || waiting < mostWaiting) return undefined;
    this.#tell(waiting);
    const message = "too many calls wait for the database; try again in a second, with fewer calls at once";
    return new DomainError("exhausted", message, { retryAfterMs });
  }

  #tell(waiting: number): void {
    this.#refused += 1;
    if (performance.now() - this.#loggedAt < logEveryMs) return;
    const hint = "raise SLIPWAY_DATABASE_POOL_SIZE or SLIPWAY_DATABASE_POOL_QUEUE, or add processes";
    this.options.log.warn(
      { waiting, refused: this.#refused, hint },
      "calls are refused: too many wait for the database",
    );
    this.#refused = 0;
    this.#loggedAt = performance.now();
  }
}
