import { randomFillSync } from "node:crypto";

/** What ties the records of one call together, here and at its neighbours. */
export interface Trace {
  /** The caller's x-request-id if it was sane, else a new id. */
  readonly requestId: string;
  /** W3C trace id: 32 hex digits, the caller's if it sent one. */
  readonly traceId: string;
  /** W3C span id of this call: 16 hex digits, always new. */
  readonly spanId: string;
  /** Whether the caller records its trace. */
  readonly sampled: boolean;
}

// Printable, short, and free of anything that a log or a header could trip over.
const saneRequestId = /^[\w.:=+/-]{1,128}$/;
const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Continues the caller's trace or begins one, from the headers x-request-id and
 * traceparent; headers that are malformed count as absent.
 */
export function traceOf(requestId: string | undefined, traceparent: string | undefined, newId: () => string): Trace {
  const parent = parseTraceparent(traceparent);
  return {
    requestId: requestId !== undefined && saneRequestId.test(requestId) ? requestId : newId(),
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    sampled: parent?.sampled ?? false,
  };
}

// Bytes by the page: to ask for a few costs as much as to ask for many.
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

function parseTraceparent(value: string | undefined): { traceId: string; sampled: boolean } | undefined {
  const match = value === undefined ? null : traceparentForm.exec(value);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = match;
  // Version ff is forbidden, version 00 has no further parts, and ids of zeroes mean "none".
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
