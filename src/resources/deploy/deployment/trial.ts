import type { Database } from "../../../db/database.js";

/** Carries what a trial came to out of its transaction, which is undone. */
class Undone<T> extends Error {
  constructor(readonly answer: T) {
    super("this was a trial");
  }
}

/** Does a work in a transaction, which is undone at its end unless it is to be kept. */
export async function kept<T>(db: Database, isKept: boolean, work: (tx: Database) => Promise<T>): Promise<T> {
  if (isKept) return await db.transaction(work);
  try {
    return await db.transaction(async (tx): Promise<never> => {
      throw new Undone(await work(tx));
    });
  } catch (error) {
    if (error instanceof Undone) return error.answer;
    throw error;
  }
}
