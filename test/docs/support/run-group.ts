import { describe, it } from "vitest";
import { needsPostgres, openEmptyDatabase, postgresUrl } from "../../support/database.js";
import { needs } from "../../support/tools.js";
import { documents, type Runnable } from "./documents.js";
import { runDocument } from "./run-document.js";

/** The database of the reader, as the documents have it. */
const documentedDatabase = "postgres://slipway@db.internal:5432/slipway";

const documentTimeoutMs = 300_000;

/** Has a test for each document of a group. */
export function runGroup(by: Runnable["by"]): void {
  describe(`the commands of the documents: ${by}`, () => {
    for (const [path, document] of Object.entries(documents)) {
      if (document.by !== by) continue;
      const missing = (document.needs ?? []).filter((tool) => !needs(tool));
      const isPossible = document.postgres !== true || postgresUrl !== undefined;
      if (!isPossible) console.warn(`skipped: ${path} ${needsPostgres}`);
      const test = () => (document.postgres === true ? runOnPostgres(path, document) : runDocument(path, document));
      it.skipIf(missing.length > 0 || !isPossible)(path, test, documentTimeoutMs);
    }
  });
}

async function runOnPostgres(path: string, document: Runnable): Promise<void> {
  const database = await openEmptyDatabase(postgresUrl ?? "");
  try {
    await runDocument(path, { ...document, replaced: { [documentedDatabase]: database.url ?? "" } });
  } finally {
    await database.close();
  }
}
