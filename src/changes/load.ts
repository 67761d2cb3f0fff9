import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../errors.js";

const ATTEMPTS = 5;
const FIRST_DELAY_MS = 100;

/**
 * Runs a read up to five times, within about 1.5 s of waiting; an answer in the form of a DomainError is final, unless
 * it says that too many wait for the database.
 */
export async function retried<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      const isFinal = error instanceof DomainError && error.kind !== "exhausted";
      if (isFinal || attempt === ATTEMPTS) throw error;
      await sleep(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }
}
