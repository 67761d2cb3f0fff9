/** Lets some in at a time; the others wait in the order in which they came. */
export interface Gate {
  /** Resolves when there is room, or the signal aborts; call what it answers to make room again, once or more. */
  enter(signal: AbortSignal): Promise<() => void>;
}

/** A gate for `most` at a time. */
export function openGate(most: number): Gate {
  let inside = 0;
  const waiting = new Set<() => void>();
  const leave = (): void => {
    inside -= 1;
    const [next] = waiting;
    next?.();
  };
  return {
    async enter(signal) {
      while (inside >= most && !signal.aborted) await turn(waiting, signal);
      if (signal.aborted) return () => undefined;
      inside += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
      };
    },
  };
}

/** Waits until somebody leaves, or the signal aborts. */
function turn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      waiting.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    waiting.add(done);
    signal.addEventListener("abort", done, { once: true });
  });
}
