import { create, createFileRegistry, type DescMessage, type Message } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../errors.js";

/** One detail of an error, as ConnectError takes it. */
export interface ErrorDetail {
  readonly desc: DescMessage;
  readonly value: Message;
}

// No npm package ships these as protos: the part of google/rpc/error_details.proto that is sent,
// with the names and numbers of the original.
const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "google/rpc/error_details.proto",
    package: "google.rpc",
    syntax: "proto3",
    dependency: ["google/protobuf/duration.proto"],
    messageType: [
      {
        name: "RetryInfo",
        field: [
          {
            name: "retry_delay",
            number: 1,
            label: Label.OPTIONAL,
            type: Type.MESSAGE,
            typeName: ".google.protobuf.Duration",
          },
        ],
      },
      {
        name: "BadRequest",
        nestedType: [
          {
            name: "FieldViolation",
            field: [
              { name: "field", number: 1, label: Label.OPTIONAL, type: Type.STRING },
              { name: "description", number: 2, label: Label.OPTIONAL, type: Type.STRING },
            ],
          },
        ],
        field: [
          {
            name: "field_violations",
            number: 1,
            label: Label.REPEATED,
            type: Type.MESSAGE,
            typeName: ".google.rpc.BadRequest.FieldViolation",
          },
        ],
      },
    ],
  }),
  (name) => (name === "google/protobuf/duration.proto" ? file_google_protobuf_duration : undefined),
);

/** google.rpc.BadRequest: which fields are wrong (`fieldViolations`: `field`, `description`). */
export const BadRequestSchema = schema("google.rpc.BadRequest");

/** google.rpc.RetryInfo: when to try again (`retryDelay`: a google.protobuf.Duration). */
export const RetryInfoSchema = schema("google.rpc.RetryInfo");

/** The wrong fields as an error detail. */
export function badRequest(violations: readonly FieldViolation[]): ErrorDetail {
  const fieldViolations = violations.map(({ field, message }) => ({ field, description: message }));
  return { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) };
}

/** The time to wait as an error detail. */
export function retryInfo(afterMs: number): ErrorDetail {
  const ms = Math.max(0, Math.ceil(afterMs));
  const retryDelay = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
  return { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) };
}

function schema(typeName: string): DescMessage {
  const desc = registry.getMessage(typeName);
  if (desc === undefined) throw new Error(`${typeName} is not declared`);
  return desc;
}
