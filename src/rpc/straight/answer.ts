import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { type Compression, compressedFlag } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, contentTypeUnaryJson, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { type CallContext, unaryRequest } from "./context.js";
import { envelopeBytes, type Head } from "./head.js";
import { LazyHeaders } from "./lazy-headers.js";
import type { UnaryStraight } from "./methods.js";

/** Names in lower case, values as Node takes them. */
export type PlainHeaders = Record<string, string | string[]>;

/** A whole answer, in whichever protocol. */
export interface Answer {
  readonly status: number;
  readonly headers: PlainHeaders;
  readonly body: Uint8Array | undefined;
  /** Undefined where the protocol has none. */
  readonly trailers: PlainHeaders | undefined;
}

export interface AnswerOptions {
  readonly gzip: Compression;
  /** Smallest message that is compressed, in bytes. */
  readonly compressMinBytes: number;
}

type Message = UnaryResponse["message"];

/** Runs a unary call to its answer, which may be that of an error; never rejects. */
export async function answerUnary(
  method: UnaryStraight,
  head: Head,
  context: CallContext,
  message: Message,
  options: AnswerOptions,
): Promise<Answer> {
  const inDialect = head.dialect.protocolName === "grpc" ? inGrpc : inConnect;
  const compression = head.gzip ? options.gzip : undefined;
  try {
    const response = await method.invoke(unaryRequest(context, message));
    takeOver(response.header, context.responseHeader);
    takeOver(response.trailer, context.responseTrailer);
    const bytes = method.serialization.getO(head.dialect.binary).serialize(response.message);
    // Most answers are small: no turn is lost for those.
    if (compression === undefined || bytes.byteLength < options.compressMinBytes) {
      return inDialect.good(context, bytes, compression, false);
    }
    return inDialect.good(context, await compression.compress(bytes), compression, true);
  } catch (error) {
    // Work that outlives its call can see why nobody waits for it.
    context.end(error);
    return await refusal(inDialect, context, connectErrorOf(error), compression, options.compressMinBytes);
  } finally {
    context.end();
  }
}

/** What a protocol makes of an outcome. */
interface Form {
  good(context: CallContext, bytes: Uint8Array, compression: Compression | undefined, compressed: boolean): Answer;
  bad(
    context: CallContext,
    error: ConnectError,
    compression: Compression | undefined,
    compressMinBytes: number,
  ): Answer | Promise<Answer>;
}

/** Tells an error, or where that cannot be encoded, as with details of another shape, that there is one. */
async function refusal(
  form: Form,
  context: CallContext,
  error: ConnectError,
  compression: Compression | undefined,
  compressMinBytes: number,
): Promise<Answer> {
  try {
    return await form.bad(context, error, compression, compressMinBytes);
  } catch (cause) {
    return form.bad(context, connectErrorOf(cause), undefined, compressMinBytes);
  }
}

const inGrpc: Form = {
  good: (context, bytes, compression, compressed) => grpcAnswer(context, compression, envelope(bytes, compressed)),
  bad(context, error, compression) {
    setTrailerStatus(context.responseTrailer, error);
    return grpcAnswer(context, compression, undefined);
  },
};

function grpcAnswer(context: CallContext, compression: Compression | undefined, body: Uint8Array | undefined): Answer {
  const headers = plain(context.responseHeader);
  // It says what may be compressed, not what is.
  if (compression !== undefined) headers["grpc-encoding"] = compression.name;
  return { status: 200, headers, body, trailers: plain(context.responseTrailer) };
}

/** A message as gRPC sends it: a byte of flags, its length in four, and itself. */
export function envelope(bytes: Uint8Array, compressed: boolean): Buffer {
  const whole = Buffer.allocUnsafe(envelopeBytes + bytes.byteLength);
  whole[0] = compressed ? compressedFlag : 0;
  whole.writeUInt32BE(bytes.byteLength, 1);
  whole.set(bytes, envelopeBytes);
  return whole;
}

const inConnect: Form = {
  good: (context, bytes, compression, compressed) =>
    connectAnswer(context, 200, bytes, compressed ? compression : undefined),
  async bad(context, error, compression, compressMinBytes) {
    const { responseHeader } = context;
    responseHeader.set("content-type", contentTypeUnaryJson);
    error.metadata.forEach((value, name) => {
      responseHeader.set(name, value);
    });
    const status = codeToHttpStatus(error.code);
    const bytes = errorToJsonBytes(error, undefined);
    if (compression === undefined || bytes.byteLength < compressMinBytes) {
      return connectAnswer(context, status, bytes, undefined);
    }
    return connectAnswer(context, status, await compression.compress(bytes), compression);
  },
};

function connectAnswer(
  context: CallContext,
  status: number,
  body: Uint8Array,
  compression: Compression | undefined,
): Answer {
  const headers = plain(context.responseHeader);
  if (compression !== undefined) headers["content-encoding"] = compression.name;
  for (const [trailer, value] of Object.entries(plain(context.responseTrailer))) {
    const name = `trailer-${trailer}`;
    const before = headers[name];
    // Cookies too: only the header of that name itself may be there more than once.
    const values = [before ?? [], value].flat();
    headers[name] = values.join(", ");
  }
  headers["content-length"] = String(body.byteLength);
  return { status, headers, body, trailers: undefined };
}

/** What a caller is told of an error; one that is nobody's answer keeps its words for itself. */
export function connectErrorOf(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

/** Puts one set of headers in the place of another, for an interceptor may answer with its own. */
function takeOver(from: Headers, to: Headers): void {
  if (from === to) return;
  for (const name of [...to.keys()]) to.delete(name);
  from.forEach((value, name) => {
    to.set(name, value);
  });
}

/** Headers as Node takes them. */
export function plain(headers: Headers): PlainHeaders {
  const copy = headers instanceof LazyHeaders ? headers.copied() : undefined;
  if (copy !== undefined) return copy;
  const result: PlainHeaders = {};
  headers.forEach((value, name) => {
    add(result, name, value);
  });
  return result;
}

function add(headers: PlainHeaders, name: string, value: string): void {
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else headers[name] = [before, value];
}
