import { takeTurns } from "../in-turn.js";
import { retried } from "./load.js";
import type { Reader } from "./reader.js";
import { placeOf } from "./selection.js";

type AnyReader<T> = Reader<T, unknown>;

export interface SharedReadsOptions<T> {
  /** Calls back for each reader, in slices. */
  readonly each: (readers: Iterable<AnyReader<T>>, act: (reader: AnyReader<T>) => void) => Promise<void>;
  /** What readers are told when a read failed. */
  readonly errorOf: (error: unknown) => unknown;
}

/** The readers who selected the same, and what they still have to read. */
interface Place<T> {
  readonly isFirst: boolean;
  waiting: AnyReader<T>[];
}

const CONCURRENT_READS = 4;

/**
 * Reads selections for readers who need it: of the same selection at most one read runs and one waits,
 * however many ask. Whoever asks gets a read that began afterwards, so that no change falls between
 * the read and what is told of changes.
 */
export function createSharedReads<T>(options: SharedReadsOptions<T>): (reader: AnyReader<T>, isFirst: boolean) => void {
  const places = new Map<string, Place<T>>();
  const limit = takeTurns({ running: CONCURRENT_READS });

  async function serve(name: string, place: Place<T>): Promise<void> {
    while (place.waiting.length > 0) await limit(() => readFor(place));
    places.delete(name);
  }

  async function readFor(place: Place<T>): Promise<void> {
    // Those who ask from now on are for the next read.
    const readers = place.waiting;
    place.waiting = [];
    try {
      const items = await readFirst(readers, place.isFirst);
      await options.each(readers, (reader) => reader.refill(items));
    } catch (error) {
      await options.each(readers, (reader) => reader.fail(options.errorOf(error)));
    }
  }

  return (reader, isFirst) => {
    const name = `${isFirst ? "first" : "again"} ${placeOf(reader.selection)}`;
    const known = places.get(name);
    if (known !== undefined) {
      known.waiting.push(reader);
      return;
    }
    const place = { isFirst, waiting: [reader] };
    places.set(name, place);
    void serve(name, place);
  };
}

/** What the selection of all of them holds now. */
async function readFirst<T>([reader]: readonly AnyReader<T>[], isFirst: boolean): Promise<readonly T[]> {
  if (reader === undefined) return [];
  const { check, initial } = reader.selection;
  return await retried(async () => {
    if (isFirst) await check?.();
    return await initial();
  });
}
