import type { HandlerContext } from "@connectrpc/connect";
import { callerOf } from "../../../caller.js";

/** Who calls, and until when they wait for the answer. */
export interface Call {
  /** Id of the principal. */
  readonly actor: string;
  readonly signal: AbortSignal;
}

/** The call that a handler serves. */
export const callOf = (context: HandlerContext): Call => ({ actor: callerOf(context).user, signal: context.signal });
