import type { Readable } from "node:stream";
import { envelopeBytes } from "./head.js";

/** What became of a request's body: all of it; so much that it cannot be served here; or its sender is gone. */
export type BodyEnd =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "too much"; readonly begun: Buffer }
  | { readonly kind: "cut short" };

const nothing: Buffer = Buffer.alloc(0);
const cutShort: BodyEnd = { kind: "cut short" };

export interface BodyLimits {
  /** Bytes of the whole body. */
  readonly limit: number;
  /** Bytes of the first message where messages are enveloped. */
  readonly messageLimit?: number;
}

/**
 * Reads a body and calls back once. What is beyond the limit stays unread; a message that says that it is longer than
 * its limit is too much as soon as it says so.
 */
export function collectBody(
  source: Readable,
  { limit, messageLimit }: BodyLimits,
  onEnd: (end: BodyEnd) => void,
): void {
  let chunks: Buffer | Buffer[] = nothing;
  let size = 0;
  let lengthIsKnown = messageLimit === undefined;
  const bytes = (): Buffer => (Array.isArray(chunks) ? Buffer.concat(chunks, size) : chunks);
  let settled = false;
  const settle = (end: BodyEnd): void => {
    if (settled) return;
    settled = true;
    onEnd(end);
  };
  const isTooLong = (): boolean => {
    if (lengthIsKnown || size < envelopeBytes) return false;
    lengthIsKnown = true;
    return messageLength(bytes()) > (messageLimit ?? limit);
  };
  const onData = (chunk: Buffer): void => {
    if (size === 0) chunks = chunk;
    else if (Array.isArray(chunks)) chunks.push(chunk);
    else chunks = [chunks, chunk];
    size += chunk.length;
    if (size <= limit && !isTooLong()) return;
    source.pause().off("data", onData);
    settle({ kind: "too much", begun: bytes() });
  };
  const onWhole = (): void => settle(isCutShort(source) ? cutShort : { kind: "whole", bytes: bytes() });
  const onClose = (): void => settle(cutShort);
  source.on("data", onData).on("end", onWhole).on("close", onClose);
}

/** An HTTP/2 stream that is reset ends, too: with NO_ERROR it is neither destroyed then nor has it an error. */
const isCutShort = (source: Readable & { readonly aborted?: boolean }): boolean =>
  source.readableAborted || source.destroyed || source.aborted === true;

/** The message of a gRPC request; undefined unless the bytes are one envelope with a message that is not compressed. */
export function onlyMessage(bytes: Buffer): Buffer | undefined {
  if (bytes.length < envelopeBytes || bytes[0] !== 0 || messageLength(bytes) !== bytes.length - envelopeBytes) {
    return undefined;
  }
  return bytes.subarray(envelopeBytes);
}

const messageLength = (bytes: Buffer): number => bytes.readUInt32BE(1);
