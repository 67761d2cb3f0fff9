/** How well something works. */
export type ProbeStatus = "healthy" | "degraded" | "unhealthy";

/** What one look at something said. */
export interface ProbeResult {
  readonly status: ProbeStatus;
  /** For everybody: what does not work, not why; empty while it is healthy. */
  readonly message: string;
}

/** What is said of it to everybody. */
export interface ProbeState extends ProbeResult {
  /** How many results in a row were worse (above zero) or better (below zero) than the status. */
  readonly streak: number;
}

/** How many results in a row it takes. */
export interface Hysteresis {
  readonly worseAfter: number;
  readonly betterAfter: number;
}

/** From best to worst. */
export const severity: Readonly<Record<ProbeStatus, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

const usual: Hysteresis = { worseAfter: 2, betterAfter: 3 };

/**
 * The state after another result. The first result counts at once; later ones
 * change the status when so many in a row are all worse, or all better, and then the last of them counts.
 */
export function next(state: ProbeState | undefined, result: ProbeResult, rules: Hysteresis = usual): ProbeState {
  const { status, message } = result;
  if (state === undefined) return { status, message, streak: 0 };
  const direction = Math.sign(severity[status] - severity[state.status]);
  if (direction === 0) return { status, message, streak: 0 };
  const streak = Math.sign(state.streak) === direction ? state.streak + direction : direction;
  const needed = direction > 0 ? rules.worseAfter : rules.betterAfter;
  if (Math.abs(streak) >= needed) return { status, message, streak: 0 };
  return { status: state.status, message: state.message, streak };
}
