import type { Duplex } from "node:stream";
import type { PGlite } from "@electric-sql/pglite";
import type { Logger } from "pino";
import { Session, type SessionHost } from "./embedded-session.js";
import { createTurns, type TurnLimits } from "./turns.js";
import { frames, rollback } from "./wire.js";

/** The sessions of one PGlite. */
export interface EmbeddedSessions {
  /** Opens a stream that speaks PostgreSQL's protocol, as a socket to a server would. */
  open(): Duplex;
  /** Refuses further queries and waits for the running one, so that the database can be closed. */
  close(): Promise<void>;
}

const NOTIFICATION = "A".charCodeAt(0);

/**
 * Lets many pg clients share the one backend of a PGlite. A batch of messages
 * runs undivided, a transaction keeps the backend until it ends, prepared
 * statements are named per session, and notifications go to every session.
 */
export function embeddedSessions(database: PGlite, limits: TurnLimits, log: Logger): EmbeddedSessions {
  const sessions = new Set<Session>();
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

  async function run(session: Session, batch: Buffer): Promise<boolean> {
    try {
      const answer = await execute(batch);
      if (!session.destroyed) session.push(answer);
      else if (database.isInTransaction()) await execute(rollback);
      return database.isInTransaction();
    } catch (error) {
      log.error({ err: error }, "the embedded database failed");
      throw error;
    }
  }

  function onIdle(session: Session): void {
    log.warn("a transaction of the embedded database was left open; rolled back");
    session.destroy(new Error("the transaction was left open too long"));
  }

  const turns = createTurns({ limits, run, onIdle });
  const host: SessionHost = {
    submit: turns.submit,
    async leave(session) {
      sessions.delete(session);
      const last = [...(turns.withdraw(session) ? [rollback] : []), ...session.statements()];
      if (last.length > 0 && !turns.closed) await turns.submit(session, Buffer.concat(last));
    },
  };

  return {
    open() {
      count += 1;
      const session = new Session(`${count}:`, host);
      sessions.add(session);
      return session;
    },
    async close() {
      const finished = turns.close();
      for (const session of sessions) session.destroy();
      await finished;
    },
  };
}
