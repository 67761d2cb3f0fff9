import { KubeError } from "./errors.js";

/** A signal that aborts after a time, or when its parent does. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Milliseconds left, never below 0. */
  remaining(): number;
  /** What to throw for an error met under this deadline: the parent's reason, a timeout, or the error itself. */
  explain(error: unknown): unknown;
  /** Releases the timer and the parent; call it always. */
  stop(): void;
}

/** Starts a deadline of `ms` milliseconds that also ends with `parent`. */
export function startDeadline(ms: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  const end = performance.now() + ms;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort(new KubeError("timeout", `no answer from the API server within ${ms} ms`));
  }, ms);
  // AbortSignal.any would hold every short deadline as long as the parent lives; a listener can be taken off again.
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    remaining: () => Math.max(0, end - performance.now()),
    explain: (error) => (late || parent?.aborted ? controller.signal.reason : error),
    stop: () => {
      clearTimeout(timer);
      parent?.removeEventListener("abort", follow);
    },
  };
}
