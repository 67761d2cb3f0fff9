import type { Caller } from "../caller.js";

/** How often the watched callers are looked over. */
export const watchIntervalMs = 1_000;

/** Who wants to hear when a caller is outdated: one timer for all of them, and none while there are none. */
export interface CallerWatchers {
  /** Calls back once; answers how to stop. */
  add(caller: Caller, onOutdated: () => void): () => void;
  /** Calls back everybody whose caller fits; `since` is when the caller was put under watch. */
  wake(concerns: (caller: Caller, since: Date) => boolean): void;
  close(): void;
}

/** Watchers that are looked over each second; `look` wakes those whose time has come. */
export function createCallerWatchers(clock: () => Date, look: (watchers: CallerWatchers) => void): CallerWatchers {
  const watching = new Set<{ readonly caller: Caller; readonly onOutdated: () => void; readonly since: Date }>();
  let timer: NodeJS.Timeout | undefined;
  const stopTimer = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const watchers: CallerWatchers = {
    add(caller, onOutdated) {
      const watcher = { caller, onOutdated, since: clock() };
      watching.add(watcher);
      timer ??= setInterval(() => look(watchers), watchIntervalMs);
      return () => {
        watching.delete(watcher);
        if (watching.size === 0) stopTimer();
      };
    },
    wake(concerns) {
      for (const watcher of watching) {
        if (!concerns(watcher.caller, watcher.since)) continue;
        watching.delete(watcher);
        watcher.onOutdated();
      }
      if (watching.size === 0) stopTimer();
    },
    close() {
      watching.clear();
      stopTimer();
    },
  };
  return watchers;
}
