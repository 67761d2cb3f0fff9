import type { IncomingMessage } from "node:http";
import { parse as parseYaml } from "yaml";
import { decodeProtobuf, protobufMark } from "./protobuf.js";
import { badRequest, StatusError, unsupportedMediaType } from "./status-error.js";
import type { Fields } from "./types.js";

const largestBody = 3 * 1024 * 1024;
const deepestBody = 100;

/** Media types of request bodies that this server reads. */
export const readable = ["application/json", "application/yaml"];

/** Reads the whole body; 413 when it is larger than 3 MiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = () =>
    new StatusError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${largestBody}`);
  if (Number(request.headers["content-length"] ?? 0) > largestBody) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The media type of the body without parameters; JSON when the caller says nothing. */
export function mediaType(request: IncomingMessage): string {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  return type.trim().toLowerCase() || "application/json";
}

/** Parses a body that must be an object; 400 when it is none, 415 for other formats than JSON, YAML and the protobuf of kubectl. */
export function parseObject(body: Buffer, type: string): Fields {
  const value = parseValue(body, type);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("the body of the request must be an object");
  }
  return value as Fields;
}

/** Parses a body of any JSON value. */
export function parseValue(body: Buffer, type: string): unknown {
  if (body.subarray(0, protobufMark.length).equals(protobufMark)) return decodeProtobuf(body, readable);
  const yaml = type.endsWith("yaml");
  if (!yaml && !type.endsWith("json")) throw unsupportedMediaType(readable);
  const text = body.toString("utf8");
  let value: unknown;
  try {
    value = yaml ? parseYaml(text, { maxAliasCount: 100 }) : JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body of the request cannot be parsed: ${firstLine(error)}`);
  }
  checkShape(value, 0);
  return value;
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : "unknown error";
}

/** Refuses what would make later steps recurse without end or change prototypes. */
function checkShape(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > deepestBody) throw badRequest(`the body of the request is nested deeper than ${deepestBody} levels`);
  for (const [key, entry] of Object.entries(value)) {
    if (key === "__proto__") throw badRequest('the body of the request has a field named "__proto__"');
    checkShape(entry, depth + 1);
  }
}
