/** The wait for something that happens once. */
export interface FirstLoad {
  /** It has happened: nobody waits any more. */
  done(): void;
  /** Resolves once it has happened, or when the patience is over. */
  wait(): Promise<void>;
}

/** Makes a wait of at most `patienceMs` for each caller; nothing is kept of those whose patience is over. */
export function createFirstLoad(patienceMs: number): FirstLoad {
  const waiting = new Set<() => void>();
  let isDone = false;
  return {
    done() {
      isDone = true;
      for (const go of waiting) go();
    },
    async wait() {
      if (isDone) return;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          clearTimeout(timer);
          waiting.delete(go);
          resolve();
        };
        const timer = setTimeout(go, patienceMs);
        waiting.add(go);
      });
    },
  };
}
