import { gzipSync } from "node:zlib";
import { envelope, padded, type Target } from "./messages.js";
import { limits } from "./pair.js";

/** How the messages of a content type are written. */
export type Family = "grpc" | "grpc-json" | "proto" | "json" | "envelopes" | "envelopes-json";

/** Ways in which a body may be wrong, or merely unusual. */
export const bodyKinds = [
  ...[
    "empty",
    "nothing",
    "garbage",
    "cut",
    "longer than it says",
    "twice",
    "flagged",
    "odd flags",
    "gzip",
    "broken gzip",
  ],
  ...[
    "gzip unsaid",
    "unknown encoding",
    "identity",
    "at the limit",
    "beyond the limit",
    "far beyond the limit",
    "bomb",
  ],
] as const;
export type BodyKind = (typeof bodyKinds)[number] | "good";

/** The bytes of a body, if there is one, and the encoding that its headers tell. */
export interface Body {
  readonly bytes: Buffer | undefined;
  readonly encoding?: string;
}

/** A body of that kind for a request to that method. */
export function bodyOf(target: Target, family: Family, kind: BodyKind): Body {
  const isJson = family.endsWith("json");
  const message = isJson ? target.json : target.binary;
  return family === "proto" || family === "json"
    ? plainBody(target, isJson, message, kind)
    : envelopedBody(target, isJson, message, kind);
}

const garbage = Buffer.from("ff00ff{\u00e9", "latin1");

function plainBody(target: Target, isJson: boolean, message: Buffer, kind: BodyKind): Body {
  switch (kind) {
    case "nothing":
      return { bytes: undefined };
    case "empty":
      return { bytes: Buffer.alloc(0) };
    case "garbage":
    case "odd flags":
      return { bytes: garbage };
    case "cut":
      return { bytes: message.subarray(0, message.length - 1) };
    case "twice":
      return { bytes: Buffer.concat([message, message]) };
    case "longer than it says":
      return { bytes: Buffer.concat([message, Buffer.from(" ")]) };
    case "gzip":
      return { bytes: gzipSync(message), encoding: "gzip" };
    case "broken gzip":
      return { bytes: gzipSync(message).subarray(0, 12), encoding: "gzip" };
    case "flagged":
    case "gzip unsaid":
      return { bytes: gzipSync(message) };
    case "bomb":
      return { bytes: gzipSync(Buffer.alloc(limits.readMaxBytes * 50)), encoding: "gzip" };
    case "unknown encoding":
      return { bytes: message, encoding: "br" };
    case "identity":
      return { bytes: message, encoding: "identity" };
    default:
      return { bytes: sized(target, isJson, kind) ?? message };
  }
}

function envelopedBody(target: Target, isJson: boolean, message: Buffer, kind: BodyKind): Body {
  const zipped = gzipSync(message);
  switch (kind) {
    case "nothing":
      return { bytes: undefined };
    case "empty":
      return { bytes: Buffer.alloc(0) };
    case "garbage":
      return { bytes: envelope(garbage) };
    case "cut":
      return { bytes: envelope(message).subarray(0, message.length + 2) };
    case "longer than it says":
      return { bytes: Buffer.concat([envelope(message), Buffer.from([0])]) };
    case "twice":
      return { bytes: Buffer.concat([envelope(message), envelope(message)]) };
    case "flagged":
      return { bytes: envelope(message, 1), encoding: "gzip" };
    case "odd flags":
      return { bytes: envelope(message, 0x82) };
    case "gzip":
      return { bytes: envelope(zipped, 1), encoding: "gzip" };
    case "broken gzip":
      return { bytes: envelope(zipped.subarray(0, 12), 1), encoding: "gzip" };
    case "gzip unsaid":
      return { bytes: envelope(zipped, 1) };
    case "bomb":
      return { bytes: envelope(gzipSync(Buffer.alloc(limits.readMaxBytes * 50)), 1), encoding: "gzip" };
    case "unknown encoding":
      return { bytes: envelope(message, 1), encoding: "br" };
    case "identity":
      return { bytes: envelope(message), encoding: "identity" };
    default:
      return { bytes: envelope(sized(target, isJson, kind) ?? message) };
  }
}

function sized(target: Target, isJson: boolean, kind: BodyKind): Buffer | undefined {
  const { readMaxBytes } = limits;
  if (kind === "at the limit") return padded(target, isJson, readMaxBytes);
  if (kind === "beyond the limit") return padded(target, isJson, readMaxBytes + 1);
  return kind === "far beyond the limit" ? padded(target, isJson, readMaxBytes * 8) : undefined;
}
