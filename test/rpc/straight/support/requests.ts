import fc from "fast-check";
import { acts } from "./acts.js";
import { type BodyKind, bodyKinds, bodyOf, type Family } from "./bodies.js";
import { createCluster, getCluster, getHealth, targets, watchClusters } from "./messages.js";
import { allowedOrigin, traceId } from "./pair.js";

/** A request that either HTTP version can carry. */
export interface OddRequest {
  readonly method: string;
  readonly path: string;
  /** Names may repeat. */
  readonly headers: readonly (readonly [string, string])[];
  /** In pieces as they are sent; none: there is no body, which is not the same as an empty one. */
  readonly pieces: readonly Buffer[];
}

const types: readonly (readonly [weight: number, type: string | undefined, family: Family])[] = [
  ...([
    [10, "application/grpc", "grpc"],
    [5, "application/grpc+proto", "grpc"],
  ] as const),
  ...([
    [2, "application/grpc+json", "grpc-json"],
    [1, "application/grpc;v=1", "grpc"],
  ] as const),
  ...([
    [10, "application/proto", "proto"],
    [10, "application/json", "json"],
  ] as const),
  ...([
    [1, "application/json; charset=utf-8", "json"],
    [1, "Application/JSON", "json"],
  ] as const),
  ...([
    [1, "application/json;charset=latin1", "json"],
    [1, "application/x-protobuf", "proto"],
  ] as const),
  ...([
    [1, "application/connect+proto", "envelopes"],
    [1, "application/connect+json", "envelopes-json"],
  ] as const),
  ...([
    [1, "application/grpc-web+proto", "grpc"],
    [1, "APPLICATION/GRPC", "grpc"],
  ] as const),
  ...([
    [1, "text/plain", "json"],
    [1, "", "proto"],
    [1, undefined, "json"],
  ] as const),
];

type ContentType = { readonly type: string | undefined; readonly family: Family };

const contentType: fc.Arbitrary<ContentType> = fc.oneof(
  ...types.map(([weight, type, family]) => ({ weight, arbitrary: fc.constant({ type, family }) })),
);

/** Over HTTP/1.1 there is hardly any gRPC. */
const http1ContentType: fc.Arbitrary<ContentType> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ type: "application/proto", family: "proto" }) },
  { weight: 2, arbitrary: fc.constant({ type: "application/json", family: "json" }) },
  { weight: 1, arbitrary: contentType },
);

const bodyKind: fc.Arbitrary<BodyKind> = fc.oneof(
  { weight: 60, arbitrary: fc.constant("good" as const) },
  { weight: 25, arbitrary: fc.constantFrom(...bodyKinds) },
);

/** Mostly the usual value, sometimes one of the others; undefined leaves a header out. */
function mostly(usual: string | undefined, ...others: (string | undefined)[]): fc.Arbitrary<string | undefined> {
  const rare = fc.constantFrom(...others);
  return fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });
}

const long = "l".repeat(3_000);
const oddHeaders = fc.record({
  authorization: mostly(
    "Bearer owner",
    undefined,
    "Bearer viewer",
    "Bearer stranger",
    "Bearer nobody",
    "Basic eDp5",
    "",
  ),
  "x-request-id": mostly("req-1", undefined, "not sane", long, ""),
  traceparent: mostly(`00-${traceId}-00f067aa0ba902b7-01`, undefined, "00-0-0-0"),
  "x-act": fc.oneof(fc.constant(undefined), fc.constantFrom(...acts.keys())),
  timeout: mostly(undefined, "big", "0", "-1", "huge", "soon", "", "1.5", "too long"),
  "accept-encoding": mostly(
    undefined,
    "gzip",
    "identity",
    "br, gzip",
    "br;q=1,gzip;q=0",
    "GZIP",
    "",
    " gzip ,x",
    "*",
    ",",
  ),
  "grpc-accept-encoding": mostly(undefined, "gzip", "identity,deflate,gzip", "identity", ""),
  origin: mostly(undefined, allowedOrigin, "https://elsewhere.example.com", "null"),
  "x-forwarded-for": mostly(undefined, "203.0.113.9", "203.0.113.9, 127.0.0.1", "garbage"),
  "user-agent": mostly("tool/1", undefined, long),
  "connect-protocol-version": mostly(undefined, "1", "2"),
  te: mostly(undefined, "trailers"),
  expect: mostly(undefined, undefined, "100-continue"),
  "x-several": mostly(undefined, "a", "a|b", "a|a, b|"),
  "x-data-bin": mostly(undefined, "AAEC/w", "AAEC/w==|/v79", "not base64!"),
  cookie: mostly(undefined, "a=1; b=2"),
  "access-control-request-method": mostly(undefined, "POST"),
});

const timeouts: Record<string, readonly [grpc: string, connect: string]> = {
  big: ["50S", "50000"],
  "0": ["0m", "0"],
  huge: ["99999999H", "99999999999"],
  "too long": ["2H", "7200000"],
};

function headersOf(odd: Record<string, string | undefined>): [string, string][] {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(odd)) {
    if (value === undefined) continue;
    if (name === "timeout") {
      const [grpc, connect] = timeouts[value] ?? [value, value];
      headers.push(["grpc-timeout", grpc], ["connect-timeout-ms", connect]);
    } else for (const one of name === "cookie" ? [value] : value.split("|")) headers.push([name, one]);
  }
  return headers;
}

const method = fc.oneof(
  { weight: 40, arbitrary: fc.constant("POST") },
  { weight: 2, arbitrary: fc.constantFrom("GET", "PUT", "DELETE", "OPTIONS", "HEAD") },
);

const pathOf = mostly("", "?", "?connect=v1&encoding=json", "/", "#a");

/** What is sent at odd places: parts of its length, in thousandths. */
const cuts = fc.oneof(fc.constant([]), fc.array(fc.nat(1_000), { maxLength: 4 }));

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = places.map((place) => Math.round((place * bytes.length) / 1_000)).sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const target = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(getCluster, createCluster, getHealth) },
  { weight: 1, arbitrary: fc.constantFrom(...targets) },
);

/** Requests of every protocol, most of them good but for one or two things. */
export const oddHttp2Request: fc.Arbitrary<OddRequest> = oddRequest(contentType);

/** The same for HTTP/1.1. */
export const oddHttp1Request: fc.Arbitrary<OddRequest> = oddRequest(http1ContentType);

function oddRequest(types: fc.Arbitrary<ContentType>): fc.Arbitrary<OddRequest> {
  const parts = { target, contentType: types, bodyKind, odd: oddHeaders, method, suffix: pathOf, cuts };
  return fc.record(parts).map(({ target, contentType: { type, family }, bodyKind, odd, method, suffix = "", cuts }) => {
    const { bytes, encoding } = bodyOf(target, family, bodyKind);
    const headers = headersOf(
      target === watchClusters && odd["x-act"] === tooLarge ? { ...odd, "x-act": undefined } : odd,
    );
    if (type !== undefined) headers.push(["content-type", type]);
    for (const name of encoding === undefined ? [] : encodingHeaders) headers.push([name, encoding ?? ""]);
    return { method, path: target.path + suffix, headers, pieces: bytes === undefined ? [] : cutAt(bytes, cuts) };
  });
}

/** Of streams it is told otherwise; differential-acts.test.ts says how. */
const tooLarge = "answer-too-large";

const encodingHeaders = ["content-encoding", "grpc-encoding", "connect-content-encoding"];
