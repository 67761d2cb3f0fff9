import type { ServerHttp2Stream } from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  pipe,
  transformDecompressEnvelope,
  transformParseEnvelope,
  transformSplitEnvelope,
} from "@connectrpc/connect/protocol";
import { type BodyEnd, collectBody, onlyMessage } from "./body.js";
import { envelopeBytes } from "./head.js";
import type { StreamStraight } from "./methods.js";

/**
 * The messages of a request that should be one message, in gRPC's envelopes. Nothing is read before the first is
 * asked for, so that interceptors can refuse a call whose request never comes.
 */
export function messagesOf(
  stream: ServerHttp2Stream,
  { serialization }: StreamStraight,
  readMaxBytes: number,
): AsyncIterable<Message> {
  return new Messages(stream, serialization.getI(true), readMaxBytes);
}

type Parsing = ReturnType<StreamStraight["serialization"]["getI"]>;
type Result = IteratorResult<Message, undefined>;

const over: Result = { done: true, value: undefined };

class Messages implements AsyncIterableIterator<Message> {
  #stream: ServerHttp2Stream | undefined;
  readonly #parsing: Parsing;
  readonly #readMaxBytes: number;
  /** Of a request that is not just one whole message: what the library makes of it. */
  #others: AsyncIterator<Message> | undefined;

  constructor(stream: ServerHttp2Stream, parsing: Parsing, readMaxBytes: number) {
    this.#stream = stream;
    this.#parsing = parsing;
    this.#readMaxBytes = readMaxBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#others !== undefined) return this.#others.next();
    const stream = this.#stream;
    if (stream === undefined) return Promise.resolve(over);
    this.#stream = undefined;
    return new Promise((resolve, reject) => this.#read(stream, resolve, reject));
  }

  return(): Promise<Result> {
    this.#stream = undefined;
    return this.#others?.return?.() ?? Promise.resolve(over);
  }

  #read(
    stream: ServerHttp2Stream,
    resolve: (result: Result | Promise<Result>) => void,
    reject: (error: unknown) => void,
  ): void {
    collectLate(stream, this.#readMaxBytes, (end) => {
      if (end.kind === "cut short") {
        reject(new ConnectError("the call was canceled before its request had come", Code.Canceled));
        return;
      }
      const value = end.kind === "whole" ? this.#parsed(end.bytes) : undefined;
      if (value !== undefined) {
        resolve({ done: false, value });
        return;
      }
      this.#others = this.#anew(end.kind === "whole" ? [end.bytes] : beginningWith(end.begun, stream));
      resolve(this.#others.next());
    });
  }

  #parsed(bytes: Buffer): Message | undefined {
    const message = onlyMessage(bytes);
    if (message === undefined) return undefined;
    try {
      return this.#parsing.parse(message);
    } catch {
      return undefined;
    }
  }

  #anew(bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncIterator<Message> {
    const max = this.#readMaxBytes;
    const messages = pipe(
      chunksOf(bytes),
      transformSplitEnvelope(max),
      transformDecompressEnvelope(null, max),
      transformParseEnvelope(this.#parsing),
    );
    return messages[Symbol.asyncIterator]();
  }
}

/** Collects a body that may be over before it is looked at, because it is empty or its sender is gone. */
function collectLate(stream: ServerHttp2Stream, messageLimit: number, onEnd: (end: BodyEnd) => void): void {
  if (stream.destroyed || stream.aborted) onEnd({ kind: "cut short" });
  else if (stream.readableEnded) onEnd({ kind: "whole", bytes: Buffer.alloc(0) });
  else collectBody(stream, { limit: messageLimit + envelopeBytes, messageLimit }, onEnd);
}

async function* chunksOf(bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* bytes;
}

async function* beginningWith(begun: Buffer, stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  yield begun;
  // The response needs the stream when its request is not read any further.
  yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
