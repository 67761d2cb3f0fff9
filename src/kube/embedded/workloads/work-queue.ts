/** Keys that wait to be worked on, each at most once at a time. */
export interface WorkQueue {
  add(key: string): void;
  /** Adds a key later, unless it is due earlier anyway. */
  addAfter(key: string, ms: number): void;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

interface Options {
  /** Answers in how many real milliseconds to look again; undefined for not before somebody adds the key. */
  readonly work: (key: string) => Promise<number | undefined>;
  readonly onError: (error: unknown, key: string) => void;
  /** How long a failed key rests at first. */
  readonly retryMs: number;
}

const longestTimer = 2 ** 31 - 1;
const longestSliceMs = 10;
const mostDoublings = 6;

/** Makes a queue that works on one key after the other, and lets others on in between. */
export function createWorkQueue({ work, onError, retryMs }: Options): WorkQueue {
  const due = new Set<string>();
  const timers = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  const failures = new Map<string, number>();
  let running: Promise<void> | undefined;
  let stopped = false;

  const addAfter = (key: string, ms: number): void => {
    if (stopped) return;
    const at = performance.now() + ms;
    const known = timers.get(key);
    if (known !== undefined && known.at <= at) return;
    clearTimeout(known?.timer);
    const fire = (): void => {
      timers.delete(key);
      add(key);
    };
    timers.set(key, { at, timer: setTimeout(fire, Math.min(Math.max(1, ms), longestTimer)) });
  };
  const workOn = async (key: string): Promise<void> => {
    try {
      const again = await work(key);
      failures.delete(key);
      if (again !== undefined) addAfter(key, again);
    } catch (error) {
      if (stopped) return;
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      onError(error, key);
      addAfter(key, retryMs * 2 ** Math.min(failed, mostDoublings));
    }
  };
  const run = async (): Promise<void> => {
    let began = performance.now();
    for (const key of due) {
      if (stopped) break;
      due.delete(key);
      await workOn(key);
      if (performance.now() - began < longestSliceMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      began = performance.now();
    }
  };
  const add = (key: string): void => {
    if (stopped) return;
    due.add(key);
    running ??= new Promise<void>((resolve) => setImmediate(resolve)).then(run).finally(() => {
      running = undefined;
      // A key may have come after the last look.
      const [left] = due;
      if (left !== undefined) add(left);
    });
  };
  return {
    add,
    addAfter,
    async stop() {
      stopped = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      due.clear();
      await running;
    },
  };
}
