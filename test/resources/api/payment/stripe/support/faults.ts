import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * What goes wrong with a request: no answer at all, an error before it is carried out, a limit, a connection that
 * ends before, or one that ends after it was carried out.
 */
export type FaultKind = "silence" | "error" | "limit" | "refuse-connection" | "accept-then-die" | "accept-then-silence";

export interface Faults {
  /** Lets the next `times` requests that fit fail; a pattern of "POST /v1/billing" fits all that begin so. */
  add(kind: FaultKind, pattern: string, times?: number): void;
  clear(): void;
  /** Carries out a request, or not. */
  answer(request: string, work: () => FakeAnswer, req: IncomingMessage, res: ServerResponse): Promise<void>;
}

export interface FakeAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Fault {
  readonly kind: FaultKind;
  readonly pattern: string;
  left: number;
}

export function createFaults(): Faults {
  const faults: Fault[] = [];
  const next = (request: string): FaultKind | undefined => {
    const fault = faults.find(({ pattern, left }) => left > 0 && request.startsWith(pattern));
    if (fault !== undefined) fault.left -= 1;
    return fault?.kind;
  };
  return {
    add: (kind, pattern, times = 1) => void faults.push({ kind, pattern, left: times }),
    clear: () => void faults.splice(0),
    async answer(request, work, req, res) {
      switch (next(request)) {
        case "silence":
          return;
        case "refuse-connection":
          return void req.socket.destroy();
        case "accept-then-die":
          work();
          return void req.socket.destroy();
        case "accept-then-silence":
          work();
          return;
        case "error":
          return send(res, { status: 500, body: errorBody("api_error", "An unknown error occurred") });
        case "limit":
          return send(res, {
            status: 429,
            body: errorBody("invalid_request_error", "Too many requests", "rate_limit"),
            headers: { "retry-after": "1" },
          });
        default:
          return send(res, work());
      }
    },
  };
}

const errorBody = (type: string, message: string, code?: string): string =>
  JSON.stringify({ error: { type, message, code } });

function send(res: ServerResponse, { status, body, headers = {} }: FakeAnswer): void {
  res.writeHead(status, { "content-type": "application/json", "request-id": "req_fake", ...headers });
  res.end(body);
}
