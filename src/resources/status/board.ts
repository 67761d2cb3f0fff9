import { DomainError } from "../../errors.js";
import type { Platform } from "../../platform.js";
import { createFanOut } from "./fan-out.js";
import { createFirstLoad } from "./first-load.js";
import { keepLoaded } from "./keep-loaded.js";

/** What everybody sees: made once for all readers, however many there are. */
export interface Board<T> {
  /**
   * What is to be seen now, from memory. The same object for all callers until it changes. Throws "unavailable"
   * as long as nothing could be read at all: that nothing is known must not look as if nothing were there.
   */
  present(): Promise<T>;
  /** Yields the present state, then each change; a slow reader gets the newest. Ends with the signal; throws likewise. */
  follow(signal: AbortSignal): AsyncGenerator<T, void, undefined>;
}

export interface BoardOptions<S, T> extends Pick<Platform, "feed" | "clock" | "log"> {
  /** The topic whose changes are read. */
  readonly topic: string;
  /** Reads everything that is shown: at the start and after each change, never because of a reader. */
  readonly load: () => Promise<S>;
  /** Makes what is seen. */
  readonly view: (known: Known<S>) => View<T>;
  readonly same: (one: T, other: T) => boolean;
  /** How long callers wait for the first read; 5 s unless told. */
  readonly patienceMs?: number;
}

/** What a process knows. */
export interface Known<S> {
  /** What was read last. */
  readonly loaded: S;
  readonly now: Date;
  /** Whether the process hears nothing of changes any more: what it knows is the last known state. */
  readonly broken: boolean;
}

export interface View<T> {
  readonly value: T;
  /** When it has to be made anew although nothing was changed; undefined: never. */
  readonly until?: Date | undefined;
}

/** The change feed is read every second; after this it is lost. */
const brokenMs = 5_000;
/** How often is looked, while there are readers, whether time alone has changed something. */
const tickMs = 1_000;

/** Makes a board; it reads the database at once. */
export function createBoard<S, T>(options: BoardOptions<S, T>): Board<T> {
  let ticks: NodeJS.Timeout | undefined;
  const readers = createFanOut<T>({
    onFirst() {
      ticks = setInterval(() => shown.refresh(), tickMs).unref();
    },
    onLast: () => clearInterval(ticks),
  });
  const shown = keepShown(options, readers.publish);
  const first = createFirstLoad(options.patienceMs ?? 5_000);
  keepLoaded({
    ...options,
    onLoad(loaded) {
      shown.take(loaded);
      first.done();
    },
  });
  return {
    async present() {
      await first.wait();
      return shown.refresh();
    },
    async *follow(signal) {
      await first.wait();
      shown.refresh();
      yield* readers.follow(signal);
    },
  };
}

/** Keeps what is seen, and makes it anew only where it may have changed. */
function keepShown<S, T>({ feed, clock, view, same }: BoardOptions<S, T>, publish: (value: T) => void) {
  let known: { readonly loaded: S } | undefined;
  let shown: { readonly value: T; readonly until: number; readonly broken: boolean } | undefined;

  /** What is to be seen now; throws as long as nothing was read. */
  function refresh(isNews = false): T {
    if (known === undefined) {
      const message = "this server could not read the state of the platform yet; try again";
      throw new DomainError("unavailable", message, { retryAfterMs: 1_000 });
    }
    const now = clock();
    const broken = now.getTime() - feed.status().lastReadAt.getTime() > brokenMs;
    const before = shown;
    if (before !== undefined && !isNews && before.broken === broken && now.getTime() < before.until) {
      return before.value;
    }
    const { value: made, until } = view({ ...known, now, broken });
    const value = before !== undefined && same(before.value, made) ? before.value : made;
    shown = { value, until: until?.getTime() ?? Number.POSITIVE_INFINITY, broken };
    if (value !== before?.value) publish(value);
    return value;
  }

  return {
    refresh,
    /** Takes what was read. */
    take(loaded: S): void {
      known = { loaded };
      refresh(true);
    },
  };
}
