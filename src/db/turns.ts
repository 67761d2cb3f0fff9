/** How long a session may wait for its turn, and keep a transaction open without using it. */
export interface TurnLimits {
  readonly waitMs: number;
  readonly idleInTransactionMs: number;
}

export interface TurnOptions<S> {
  readonly limits: TurnLimits;
  /** Runs a batch for a session; tells whether that leaves the session in a transaction. */
  readonly run: (session: S, batch: Buffer) => Promise<boolean>;
  /** Called for a session that holds everybody up. */
  readonly onIdle: (session: S) => void;
}

/** The order in which sessions use the one backend: first come, first served, but a transaction is not interrupted. */
export interface Turns<S> {
  /** Resolves when the batch has run; rejects when its turn does not come within the limit. */
  submit(session: S, batch: Buffer): Promise<void>;
  /** Drops what a session waits for; tells whether it has a transaction open. */
  withdraw(session: S): boolean;
  /** Refuses further batches and waits for the running one. */
  close(): Promise<void>;
  readonly closed: boolean;
}

interface Turn<S> {
  readonly session: S;
  readonly batch: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly deadline: NodeJS.Timeout;
}

/** Creates an empty queue of turns. */
export function createTurns<S>({ limits, run, onIdle }: TurnOptions<S>): Turns<S> {
  const waiting = new Set<Turn<S>>();
  let owner: S | undefined;
  let idle: NodeJS.Timeout | undefined;
  let running = false;
  let work = Promise.resolve();
  let closed = false;

  function next(): Turn<S> | undefined {
    for (const turn of waiting) {
      if (owner !== undefined && turn.session !== owner) continue;
      drop(turn);
      return turn;
    }
    return undefined;
  }

  function drop(turn: Turn<S>): void {
    clearTimeout(turn.deadline);
    waiting.delete(turn);
  }

  async function take({ session, batch, resolve, reject }: Turn<S>): Promise<void> {
    clearTimeout(idle);
    idle = undefined;
    try {
      owner = (await run(session, batch)) ? session : undefined;
      resolve();
    } catch (error) {
      owner = undefined;
      reject(error);
    }
  }

  async function takeAll(): Promise<void> {
    running = true;
    for (let turn = next(); turn !== undefined; turn = next()) {
      await take(turn);
      // PGlite computes on this thread: let timers and sockets have theirs in between.
      await new Promise(setImmediate);
    }
    running = false;
    if (owner !== undefined && !closed) idle ??= setTimeout(dropIdle, limits.idleInTransactionMs, owner).unref();
  }

  function dropIdle(session: S): void {
    idle = undefined;
    onIdle(session);
  }

  return {
    get closed() {
      return closed;
    },
    submit(session, batch) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(new Error("the embedded database is closed"));
        const giveUp = (): void => {
          waiting.delete(turn);
          reject(new Error("the embedded database is busy with another transaction"));
        };
        const turn: Turn<S> = { session, batch, resolve, reject, deadline: setTimeout(giveUp, limits.waitMs) };
        waiting.add(turn);
        if (!running) work = takeAll();
      });
    },
    withdraw(session) {
      for (const turn of waiting) {
        if (turn.session !== session) continue;
        drop(turn);
        turn.reject(new Error("the session was closed"));
      }
      return owner === session;
    },
    close() {
      closed = true;
      clearTimeout(idle);
      return work;
    },
  };
}
