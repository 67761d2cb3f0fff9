import { afterAll, describe, it } from "vitest";
import { needsPostgres, openEmptyDatabase, postgresUrl } from "../../support/database.js";
import { needs } from "../../support/tools.js";
import { documents, type Runnable } from "./documents.js";
import { openSession, type RunOptions, runDocument, type Session } from "./run-document.js";

/** The database of the reader, as the documents have it. */
const documentedDatabase = "postgres://slipway@db.internal:5432/slipway";

const documentTimeoutMs = 900_000;

/** Has a test for each document of a group; some of it may only be known when the tests begin. */
export function runGroup(by: Runnable["by"], options: RunOptions = {}): void {
  describe(`the commands of the documents: ${by}`, () => {
    const ofGroup = Object.entries(documents).filter(([, document]) => document.by === by);
    const shared = sharedSession(
      options,
      ofGroup.some(([, { postgres }]) => postgres === true),
    );
    afterAll(() => shared.close());
    for (const [path, document] of ofGroup) {
      const missing = (document.needs ?? []).filter((tool) => !needs(tool));
      const isPossible = document.postgres !== true || postgresUrl !== undefined;
      if (!isPossible) console.warn(`skipped: ${path} ${needsPostgres}`);
      const test = () => {
        if (document.shares === true) return shared.run(path);
        return runDocument(path, { ...document, ...options });
      };
      it.skipIf(missing.length > 0 || !isPossible)(path, test, documentTimeoutMs);
    }
  });
}

/** A session that begins with its first document, and anew after one that failed: that has ended the shell. */
function sharedSession(options: RunOptions, onPostgres: boolean): Session {
  let session: Session | undefined;
  const close = async () => {
    const last = session;
    session = undefined;
    await last?.close();
  };
  const open = () => (onPostgres ? openOnPostgres(options) : openSession(options));
  return {
    async run(path) {
      session ??= await open();
      try {
        await session.run(path);
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

/** A session whose documents find a database of its own where they name that of the reader. */
async function openOnPostgres(options: RunOptions): Promise<Session> {
  const database = await openEmptyDatabase(postgresUrl ?? "");
  try {
    const session = await openSession({ ...options, replaced: { [documentedDatabase]: database.url ?? "" } });
    const close = () => session.close().finally(() => database.close());
    return { run: session.run, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}
