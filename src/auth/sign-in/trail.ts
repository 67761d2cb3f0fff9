import type { Logger } from "pino";
import { pause } from "../../pause.js";
import type { AuditEntry, WriteAudit } from "../../rpc/audit.js";
import type { HttpAnswer, HttpRequest } from "../../rpc/http-routes.js";
import { toConnectError } from "../../rpc/map-errors.js";

/** What leaving a trace needs. */
export interface TrailOptions {
  readonly write: WriteAudit;
  readonly log: Logger;
  readonly clock: () => Date;
  readonly newId: () => string;
  /** Whether a provider of that id is configured: nothing else of a request is recorded. */
  readonly isProvider: (id: string) => boolean;
  /** Counts a record that was lost. */
  readonly onLost: () => void;
  /** Answers where no record can be kept, or throws; a line of text unless told. */
  readonly unaudited?: () => HttpAnswer;
}

/** Answers a request, and says as soon as it is known whose it is. */
export type TracedHandler = (request: HttpRequest, isOf: (user: string) => void) => Promise<HttpAnswer>;

/** How long a request waits for its record, as calls do. */
const patienceMs = 5_000;
const neverAborted = new AbortController().signal;

/**
 * Leaves two records in the audit log, as a call does, with the route as their method: the request, without which
 * nothing happens and the answer is 503, and how it ended.
 */
export function traced(
  options: TrailOptions,
  route: string,
  handle: TracedHandler,
): (request: HttpRequest) => Promise<HttpAnswer> {
  return async (request) => {
    const record = recorderOf(options, route, request);
    let user: string | undefined;
    if (!(await inTime(record({ phase: "request", user, code: undefined })))) {
      return (
        options.unaudited?.() ?? {
          status: 503,
          headers: { "retry-after": "1" },
          body: "this cannot be audited now; try again\n",
        }
      );
    }
    try {
      const answer = await handle(request, (login) => {
        user = login;
      });
      void record({ phase: "response", user, code: 0 });
      return answer;
    } catch (error) {
      void record({ phase: "response", user, code: toConnectError(error, neverAborted).code });
      throw error;
    }
  };
}

type Moment = Pick<AuditEntry, "phase" | "user" | "code">;

/** Writes the records of one request; resolves to whether a record is kept. */
function recorderOf(options: TrailOptions, method: string, request: HttpRequest) {
  const { write, log, clock, newId, isProvider, onLost } = options;
  const { trace, peer } = request.origin;
  const { provider = "" } = request.params;
  const { requestId } = trace;
  const nothing = { tenant: undefined, project: undefined };
  const from = { sourceIp: peer.address, userAgent: peer.userAgent, requestId };
  const about = { id: newId(), method, ...nothing, ...from, body: isProvider(provider) ? { provider } : undefined };
  return async (moment: Moment): Promise<boolean> => {
    try {
      await write({ ...about, at: clock(), ...moment }, { ahead: moment.phase === "request" });
      return true;
    } catch (error) {
      onLost();
      log.error({ route: method, err: error, trace: trace.traceId, request: requestId }, "audit record lost");
      return false;
    }
  };
}

/** Whether a record is kept, and soon. */
async function inTime(kept: Promise<boolean>): Promise<boolean> {
  const done = new AbortController();
  try {
    return await Promise.race([kept, pause(patienceMs, done.signal).then(() => false)]);
  } finally {
    done.abort();
  }
}
