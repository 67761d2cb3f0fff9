import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeFromHttpStatus,
  codeFromString,
  codeToHttpStatus,
  codeToString,
} from "@connectrpc/connect/protocol-connect";
import type { Origin } from "./call.js";

/** A call that ended before its request could be decoded: too large, malformed, of an unknown kind. */
export interface Refusal {
  readonly method: DescMethod;
  readonly origin: Origin;
  readonly code: Code;
  readonly ms: number;
}

/** Is told of each refusal. */
export type OnRefused = (refusal: Refusal) => void;

/** What a refusal says, in whichever protocol it says it. */
interface Verdict {
  readonly code: Code;
  readonly message: string;
  /** The same response with another code. */
  withCode(code: Code): UniversalServerResponse;
}

/**
 * Reads the code out of the response to a call that the interceptors never saw.
 * The library calls an undecodable message an internal error; it is the caller's.
 */
export async function settleRefusal(
  response: UniversalServerResponse,
  report: (code: Code) => void,
): Promise<UniversalServerResponse> {
  // No handler ran, so the body is one small error.
  const body = response.body === undefined ? Buffer.alloc(0) : await collect(response.body);
  const whole = { ...response, body: once(body) };
  const verdict = grpcVerdict(whole) ?? grpcWebVerdict(whole, body) ?? connectVerdict(whole, body);
  if (verdict === undefined) {
    if (response.status !== 200) report(codeOf(response.status));
    return whole;
  }
  const callersFault = isUndecodable(verdict);
  report(callersFault ? Code.InvalidArgument : verdict.code);
  return callersFault ? verdict.withCode(Code.InvalidArgument) : whole;
}

/** Statuses without a code of their own, such as 415, are the caller's fault if they are below 500. */
function codeOf(status: number): Code {
  const code = codeFromHttpStatus(status);
  return code === Code.Unknown && status < 500 ? Code.InvalidArgument : code;
}

/** Whether the library means that it could not decode a message. */
export function isUndecodable(error: { readonly code: Code; readonly message: string }): boolean {
  return error.code === Code.Internal && error.message.startsWith("parse binary: ");
}

/** gRPC: trailers. */
function grpcVerdict(response: UniversalServerResponse): Verdict | undefined {
  const { trailer } = response;
  const code = Number(trailer?.get("grpc-status") ?? 0);
  if (trailer === undefined || code === 0) return undefined;
  const withCode = (other: Code) => {
    trailer.set("grpc-status", String(other));
    return response;
  };
  return { code, message: decodeURIComponent(trailer.get("grpc-message") ?? ""), withCode };
}

/** gRPC-Web: the same lines as an envelope in the body. */
function grpcWebVerdict(response: UniversalServerResponse, body: Buffer): Verdict | undefined {
  const text = body.toString("latin1", 5);
  const status = /^grpc-status: ?(\d+)/im.exec(text);
  if (body[0] !== 0x80 || status === null) return undefined;
  const message = decodeURIComponent(/^grpc-message: ?(.*)$/im.exec(text)?.[1]?.trim() ?? "");
  const withCode = (other: Code) => {
    const lines = Buffer.from(text.replace(status[0], `grpc-status: ${other}`), "latin1");
    const head = Buffer.from([0x80, 0, 0, 0, 0]);
    head.writeUInt32BE(lines.length, 1);
    return { ...response, body: once(Buffer.concat([head, lines])) };
  };
  return { code: Number(status[1]), message, withCode };
}

/** Connect: JSON, of which only unary calls get here. */
function connectVerdict(response: UniversalServerResponse, body: Buffer): Verdict | undefined {
  const error = parseError(body);
  const code = error === undefined ? undefined : codeFromString(error.code);
  if (error === undefined || code === undefined) return undefined;
  const withCode = (other: Code) => {
    const bytes = Buffer.from(JSON.stringify({ ...error, code: codeToString(other) }));
    const header = new Headers(response.header);
    header.set("content-length", String(bytes.length));
    return { ...response, status: codeToHttpStatus(other), header, body: once(bytes) };
  };
  return { code, message: error.message ?? "", withCode };
}

function parseError(body: Buffer): { code: string; message?: string } | undefined {
  try {
    const json: unknown = JSON.parse(body.toString());
    return typeof json === "object" && json !== null && "code" in json ? (json as { code: string }) : undefined;
  } catch {
    return undefined;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
