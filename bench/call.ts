// Unary calls over HTTP with as little as possible of a client: gRPC, and Connect over HTTP/1.1 and HTTP/2.
import { Agent, type IncomingMessage, request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { envelope } from "./grpc.js";

/** One call, as often as it is made. */
export interface Target {
  readonly url: string;
  /** "/api.v1.ClusterService/Get". */
  readonly path: string;
  readonly protocol: "grpc" | "connect-binary" | "connect-json";
  readonly http: 1 | 2;
  /** The request's message as the protocol encodes it, without an envelope. */
  readonly message: Uint8Array;
  readonly token?: string | undefined;
}

/** Something that makes the calls of a target. */
export interface Caller {
  /** Resolves with the bytes of the answer's body; rejects unless the answer is a success. */
  call(message?: Uint8Array): Promise<Buffer>;
  close(): void;
}

const contentTypes = {
  grpc: "application/grpc",
  "connect-binary": "application/proto",
  "connect-json": "application/json",
} as const;

/** The headers of a target's requests, but the path. */
export function headersOf({ protocol, token }: Target): Record<string, string> {
  return {
    "content-type": contentTypes[protocol],
    ...(protocol === "grpc" ? { te: "trailers" } : { "connect-protocol-version": "1" }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** The body of a request with this message. */
export function bodyOf({ protocol }: Target, message: Uint8Array): Uint8Array {
  return protocol === "grpc" ? envelope(message) : message;
}

/** Opens a number of connections, which take the calls in turn; over HTTP/1.1 they are opened as they are needed. */
export function openCaller(target: Target, connections: number): Caller {
  return target.http === 1 ? openHttp1(target, connections) : openHttp2(target, connections);
}

function openHttp1(target: Target, connections: number): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = new URL(target.path, target.url);
  const options = { method: "POST", agent, headers: headersOf(target) };
  return {
    call(message = target.message) {
      const body = bodyOf(target, message);
      return new Promise((resolve, reject) => {
        const headers = { ...options.headers, "content-length": body.length };
        const take = (answer: IncomingMessage) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.once("error", reject);
          answer.once("end", () => {
            if (answer.statusCode === 200) resolve(Buffer.concat(chunks));
            else reject(new Error(`${target.path} answered ${answer.statusCode}: ${Buffer.concat(chunks)}`));
          });
        };
        requestHttp1(url, { ...options, headers }, take)
          .once("error", reject)
          .end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

function openHttp2(target: Target, connections: number): Caller {
  const sessions = Array.from({ length: connections }, () => {
    const session = connect(target.url, { settings: { initialWindowSize: 1024 * 1024 } });
    // Every call reports the loss by its own end.
    return session.on("error", () => {});
  });
  const headers = { ":method": "POST", ":path": target.path, ...headersOf(target) };
  let turn = 0;
  return {
    call(message = target.message) {
      turn = (turn + 1) % sessions.length;
      return callHttp2(sessions[turn]!, headers, bodyOf(target, message), target);
    },
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}

function callHttp2(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body: Uint8Array,
  { path, protocol }: Target,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const chunks: Buffer[] = [];
    let status: unknown;
    let failure = "";
    stream.on("response", (answer) => {
      status = protocol === "grpc" ? answer["grpc-status"] : answer[":status"];
      failure = String(answer["grpc-message"] ?? "");
    });
    stream.on("trailers", (trailers) => {
      if (protocol === "grpc") status = trailers["grpc-status"];
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      const isGood = protocol === "grpc" ? status === "0" : status === 200;
      if (isGood) resolve(Buffer.concat(chunks));
      else reject(new Error(`${path} answered ${status}: ${failure || Buffer.concat(chunks)}`));
    });
    stream.end(body);
  });
}
