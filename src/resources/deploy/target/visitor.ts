import type { TargetClient } from "./access.js";
import type { TargetRow } from "./store.js";

/** Does something at every look at a target. */
export interface TargetVisitor {
  /** For logs. */
  readonly name: string;
  /** The target answers, and shows as connected. */
  visit(target: TargetRow, client: TargetClient, signal: AbortSignal): Promise<void>;
  /** The target shows as not connected. */
  away(target: TargetRow): Promise<void>;
}
