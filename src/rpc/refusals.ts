import type { DescMethod } from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeFromHttpStatus, codeFromString } from "@connectrpc/connect/protocol-connect";
import type { Origin } from "./call.js";

/** A call that ended before its request could be decoded: too large, malformed, of an unknown kind. */
export interface Refusal {
  readonly method: DescMethod;
  readonly origin: Origin;
  readonly code: Code;
  readonly ms: number;
}

export type OnRefused = (refusal: Refusal) => void;

/** Passes a response on, and reports the code in it once it is written. */
export function reportRefusal(
  response: UniversalServerResponse,
  method: DescMethod,
  origin: Origin,
  began: number,
  onRefused: OnRefused,
): UniversalServerResponse {
  const report = (body: string) => {
    const code = codeIn(response, body);
    if (code !== undefined) onRefused({ method, origin, code, ms: performance.now() - began });
  };
  if (response.body === undefined) {
    report("");
    return response;
  }
  return { ...response, body: tap(response.body, report) };
}

// Error bodies are one small chunk.
async function* tap(body: AsyncIterable<Uint8Array>, report: (text: string) => void): AsyncIterable<Uint8Array> {
  let text = "";
  try {
    for await (const chunk of body) {
      if (text === "") text = Buffer.from(chunk).toString("latin1");
      yield chunk;
    }
  } finally {
    report(text);
  }
}

/** gRPC says its code in a trailer, gRPC-Web in a body that looks like one, Connect in JSON. */
function codeIn(response: UniversalServerResponse, body: string): Code | undefined {
  const status = response.trailer?.get("grpc-status") ?? /grpc-status: ?(\d+)/i.exec(body)?.[1];
  if (status !== undefined && status !== null) return status === "0" ? undefined : (Number(status) as Code);
  const named = /"code":"([a-z_]+)"/.exec(body)?.[1];
  if (named !== undefined) return codeFromString(named);
  return response.status === 200 ? undefined : codeFromHttpStatus(response.status);
}
