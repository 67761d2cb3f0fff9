import { Duplex } from "node:stream";
import type { PGlite } from "@electric-sql/pglite";
import type { Logger } from "pino";
import {
  authenticationOk,
  closeStatement,
  FrameReader,
  frames,
  readyForQuery,
  rollback,
  scoped,
  sync,
} from "./wire.js";

/** How long a session may wait for its turn, and keep a transaction open without using it. */
export interface SessionLimits {
  readonly waitMs: number;
  readonly idleInTransactionMs: number;
}

/** The sessions of one PGlite. */
export interface EmbeddedSessions {
  /** Opens a stream that speaks PostgreSQL's protocol, as a socket to a server would. */
  open(): Duplex;
  /** Refuses further queries and waits for the running one, so that the database can be closed. */
  close(): Promise<void>;
}

interface Turn {
  readonly session: Session;
  readonly batch: Buffer;
  readonly done: (error?: Error) => void;
  readonly deadline: NodeJS.Timeout;
}

/**
 * Lets many pg clients share the one backend of a PGlite. A batch of messages
 * runs undivided, a transaction keeps the backend until it ends, prepared
 * statements are named per session, and notifications go to every session.
 */
export function embeddedSessions(database: PGlite, limits: SessionLimits, log: Logger): EmbeddedSessions {
  const sessions = new Set<Session>();
  const waiting: Turn[] = [];
  let owner: Session | undefined;
  let idle: NodeJS.Timeout | undefined;
  let running = false;
  let run = Promise.resolve();
  let closed = false;
  let count = 0;

  async function execute(batch: Buffer): Promise<Buffer> {
    const chunks: Buffer[] = [];
    await database.execProtocolRawStream(batch, { onRawData: (data) => chunks.push(Buffer.from(data)) });
    const own: Buffer[] = [];
    for (const frame of frames(Buffer.concat(chunks))) {
      if (frame[0] !== NOTIFICATION) own.push(frame);
      else for (const session of sessions) session.push(frame);
    }
    return Buffer.concat(own);
  }

  function nextTurn(): Turn | undefined {
    const index = owner === undefined ? 0 : waiting.findIndex((turn) => turn.session === owner);
    return index < 0 ? undefined : waiting.splice(index, 1)[0];
  }

  async function take({ session, batch, done }: Turn): Promise<void> {
    try {
      const answer = await execute(batch);
      if (!session.destroyed) session.push(answer);
      else if (database.isInTransaction()) await execute(rollback);
      done();
    } catch (error) {
      log.error({ err: error }, "the embedded database failed");
      done(error instanceof Error ? error : new Error(String(error)));
    }
    owner = database.isInTransaction() ? session : undefined;
  }

  async function runTurns(): Promise<void> {
    running = true;
    clearTimeout(idle);
    for (let turn = nextTurn(); turn !== undefined; turn = nextTurn()) {
      clearTimeout(turn.deadline);
      await take(turn);
      // PGlite computes on this thread: let timers and sockets have theirs in between.
      await new Promise(setImmediate);
    }
    running = false;
    if (owner !== undefined && !closed) idle = setTimeout(dropIdleOwner, limits.idleInTransactionMs).unref();
  }

  function dropIdleOwner(): void {
    log.warn("a transaction of the embedded database was left open; rolled back");
    owner?.destroy(new Error("the transaction was left open too long"));
  }

  function submit(session: Session, batch: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      const giveUp = (): void => {
        waiting.splice(waiting.indexOf(turn), 1);
        done(new Error("the embedded database is busy with another transaction"));
      };
      if (closed) return done(new Error("the embedded database is closed"));
      const turn: Turn = { session, batch, done, deadline: setTimeout(giveUp, limits.waitMs) };
      waiting.push(turn);
      if (!running) run = runTurns();
    });
  }

  /** Drops what a closed session still waits for, ends its transaction and frees its statements. */
  async function leave(session: Session): Promise<void> {
    sessions.delete(session);
    for (const turn of waiting.filter((candidate) => candidate.session === session)) {
      clearTimeout(turn.deadline);
      waiting.splice(waiting.indexOf(turn), 1);
      turn.done(new Error("the session was closed"));
    }
    const last = [...(owner === session ? [rollback] : []), ...session.statements()];
    if (last.length > 0 && !closed) await submit(session, Buffer.concat(last));
  }

  return {
    open() {
      count += 1;
      const session = new Session(`${count}:`, submit, leave);
      sessions.add(session);
      return session;
    },
    async close() {
      closed = true;
      clearTimeout(idle);
      for (const session of sessions) session.destroy();
      await run;
    },
  };
}

const NOTIFICATION = "A".charCodeAt(0);
const TERMINATE = "X".charCodeAt(0);
const QUERY = "Q".charCodeAt(0);
const SYNC = "S".charCodeAt(0);

/** One client's side; pg treats it as its socket. */
class Session extends Duplex {
  readonly #reader = new FrameReader();
  readonly #statements = new Set<string>();
  #batch: Buffer[] = [];

  constructor(
    private readonly prefix: string,
    private readonly submit: (session: Session, batch: Buffer) => Promise<void>,
    private readonly leave: (session: Session) => Promise<void>,
  ) {
    super();
  }

  connect(): void {
    setImmediate(() => this.emit("connect"));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#receive(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    callback();
    this.destroy();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.leave(this).then(
      () => callback(error),
      (failure) => callback(error ?? failure),
    );
  }

  /** The messages that free the session's prepared statements. */
  statements(): Buffer[] {
    return this.#statements.size === 0 ? [] : [...[...this.#statements].map(closeStatement), sync];
  }

  async #receive(chunk: Buffer): Promise<void> {
    for (const frame of this.#reader.read(chunk)) {
      if (frame.startup) this.push(Buffer.concat([authenticationOk, readyForQuery]));
      else if (frame.bytes[0] === TERMINATE) this.push(null);
      else {
        this.#batch.push(scoped(frame.bytes, this.prefix, this.#statements));
        if (frame.bytes[0] === QUERY || frame.bytes[0] === SYNC) await this.#flush();
      }
    }
  }

  async #flush(): Promise<void> {
    const batch = Buffer.concat(this.#batch);
    this.#batch = [];
    await this.submit(this, batch);
  }

  // What pg asks of a socket beyond a stream.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
