import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor, type StreamRequest } from "@connectrpc/connect";
import { DomainError, invalidField } from "../errors.js";
import { type Call, callOf, setRequest, subjectIn } from "./call.js";
import { isUndecodable } from "./refusals.js";
import { peek } from "./streams.js";

type AnyFn = ReturnType<Interceptor>;

/** How long the first message of a stream may take to come. */
const firstMs = 10_000;

/**
 * Reads the first request of a stream ahead, so that the call can be authorized, validated and audited before its
 * handler runs. Where requests are streamed, the later ones are about the same, or name nothing.
 */
export const readFirstMessage: Interceptor = (next) => (req) => (req.stream ? ahead(next, req) : next(req));

async function ahead(next: AnyFn, req: StreamRequest): ReturnType<AnyFn> {
  const { first, all } = await inTime(peek(req.message)).catch(blameCaller);
  if (first === undefined) {
    // What gRPC says of a request of no message where there should be one.
    const code = req.method.methodKind === "server_streaming" ? Code.Unimplemented : Code.InvalidArgument;
    throw new ConnectError("the request has no message", code);
  }
  const call = callOf(req);
  setRequest(call, first);
  return next({ ...req, message: req.method.methodKind === "server_streaming" ? all : aboutTheSame(call, all) });
}

async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the first message did not come within ${firstMs / 1000} seconds`;
    timer = setTimeout(() => reject(new DomainError("timeout", message)), firstMs);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function* aboutTheSame(call: Call, requests: AsyncIterable<Message>) {
  const { subject, policy } = call;
  for await (const request of requests) {
    for (const [kind, named] of Object.entries(subjectIn(policy, request))) {
      if (named !== undefined && named !== subject[kind as keyof typeof subject]) {
        throw invalidField(kind, "must be that of the first message, or empty");
      }
    }
    yield request;
  }
}

function blameCaller(error: unknown): never {
  const { code, rawMessage: message } = ConnectError.from(error);
  throw isUndecodable({ code, message }) ? new ConnectError(message, Code.InvalidArgument) : error;
}
