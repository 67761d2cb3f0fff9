import { create } from "@bufbuild/protobuf";
import { Int32ValueSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, encodeBinaryHeader, type HandlerContext } from "@connectrpc/connect";
import { DomainError, type ErrorKind } from "../../../../src/errors.js";

/** What a handler is told to do by the header x-act; what it returns is the length of the text in its answer. */
export type Act = (context: HandlerContext, gate: Promise<void>) => number | Promise<number>;

const kinds: readonly ErrorKind[] = [
  ...(["invalid", "unauthenticated", "denied", "missing", "exists", "conflict", "precondition"] as const),
  ...(["exhausted", "unimplemented", "unavailable", "timeout"] as const),
];

function domainError(kind: ErrorKind): DomainError {
  const mayRetry = kind === "exhausted" || kind === "unavailable";
  return new DomainError(kind, `it is ${kind}`, {
    violations: kind === "invalid" ? [{ field: "name", message: "must be another" }] : [],
    ...(mayRetry ? { retryAfterMs: 1_500 } : {}),
  });
}

function thrower(make: () => unknown): Act {
  return () => {
    throw make();
  };
}

function detailed(code: Code): ConnectError {
  const details = ["one", "two"].map((value) => ({
    desc: StringValueSchema,
    value: create(StringValueSchema, { value }),
  }));
  const metadata = new Headers({ "x-why": "first", "x-why-bin": encodeBinaryHeader(Buffer.from([0, 1, 254])) });
  metadata.append("x-why", "second");
  metadata.append("set-cookie", "a=1");
  metadata.append("set-cookie", "b=2");
  return new ConnectError("with everything", code, metadata, details);
}

function setHeaders({ responseHeader, responseTrailer }: HandlerContext): number {
  for (const [kind, headers] of [
    ["header", responseHeader],
    ["trailer", responseTrailer],
  ] as const) {
    headers.set(`x-${kind}`, "one");
    headers.append(`x-${kind}`, "two, three");
    headers.set(`x-${kind}-bin`, encodeBinaryHeader(Buffer.from([255, 0, 7])));
    headers.append(`x-${kind}-bin`, encodeBinaryHeader(Buffer.from("more")));
    headers.append("set-cookie", `${kind}=1; Path=/`);
    headers.append("set-cookie", `${kind}=2`);
    headers.set(`x-${kind}-empty`, "");
    headers.set(`x-${kind}-latin`, "caf\u00e9");
  }
  return 0;
}

function overwriteHeaders({ responseHeader, responseTrailer }: HandlerContext): number {
  responseHeader.set("vary", "Accept");
  responseHeader.set("x-request-id", "another");
  responseHeader.set("cache-control", "no-store");
  responseTrailer.set("x-request-id", "a third");
  return 0;
}

function aborted(context: HandlerContext): Promise<void> {
  return new Promise((resolve) => {
    if (context.signal.aborted) resolve();
    else context.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const fixed: Record<string, Act> = {
  nothing: () => 0,
  "set-headers": setHeaders,
  "overwrite-headers": overwriteHeaders,
  "own-type": ({ responseHeader }) => {
    responseHeader.set("content-type", "text/plain");
    return 0;
  },
  "headers-and-fail": (context) => {
    setHeaders(context);
    throw new DomainError("missing", "there is none");
  },
  "headers-and-fail-in-detail": (context) => {
    setHeaders(context);
    throw detailed(Code.Aborted);
  },
  "small-answer": () => 300,
  "large-answer": () => 12_000,
  "answer-too-large": () => 60_000,
  "throw-string": thrower(() => "just words"),
  "throw-undefined": thrower(() => undefined),
  "throw-error": thrower(() => new Error("a defect")),
  "throw-abort": thrower(() => new DOMException("given up", "AbortError")),
  "throw-timeout": thrower(() => new DOMException("too late", "TimeoutError")),
  "throw-odd-words": thrower(() => new DomainError("missing", '\n 100% caf\u00e9 \u263a \u{1f608} "quoted"\r\n')),
  "throw-half-a-character": thrower(() => new DomainError("missing", "half of one: \ud83d")),
  "throw-much": thrower(() => new DomainError("missing", "w".repeat(3_000))),
  "throw-in-detail": thrower(() => detailed(Code.FailedPrecondition)),
  turns: async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    return 0;
  },
};

/** Acts that settle by themselves. */
export const acts: ReadonlyMap<string, Act> = new Map([
  ...Object.entries(fixed),
  ...kinds.map((kind) => [`fail-${kind}`, thrower(() => domainError(kind))] as const),
  ...Array.from(
    { length: 16 },
    (_, at) => [`code-${at + 1}`, thrower(() => new ConnectError("told so", at + 1))] as const,
  ),
]);

/** Acts whose errors cannot be encoded. */
export const untellableActs: ReadonlyMap<string, Act> = new Map([
  [
    "throw-broken-details",
    thrower(() => {
      const details = [{ desc: Int32ValueSchema, value: { value: 2 ** 40 } }];
      return new ConnectError("with details that are none", Code.Aborted, undefined, details);
    }),
  ],
]);

/** Acts that wait for the end of the call, or for the test to open the gate. */
export const waitingActs: ReadonlyMap<string, Act> = new Map<string, Act>([
  [
    "wait-and-throw-reason",
    async (context) => {
      await aborted(context);
      throw context.signal.reason;
    },
  ],
  [
    "wait-and-throw-abort",
    async (context) => {
      await aborted(context);
      throw new DOMException("given up", "AbortError");
    },
  ],
  [
    "wait-and-answer",
    async (context) => {
      await aborted(context);
      return 0;
    },
  ],
  [
    "gate-and-answer",
    async (_, gate) => {
      await gate;
      return 0;
    },
  ],
  [
    "gate-and-look",
    async (context, gate) => {
      await gate;
      context.signal.throwIfAborted();
      return 0;
    },
  ],
  [
    "gate-and-fail",
    async (_, gate) => {
      await gate;
      throw new DomainError("conflict", "too late");
    },
  ],
]);

/** Acts whose signal nobody looks at while the call is under way. */
export const blindActs: ReadonlySet<string> = new Set(["gate-and-answer", "gate-and-look", "gate-and-fail", "turns"]);
