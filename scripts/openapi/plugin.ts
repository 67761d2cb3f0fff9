// A plugin of protoc: writes what the contract is in OpenAPI, and the page that shows it.
import { readFileSync } from "node:fs";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponse_FileSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { openApiOf } from "./document.js";
import { referenceOf } from "./reference.js";

const request = fromBinary(CodeGeneratorRequestSchema, readFileSync(0));
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
// buf generates from the protos of others in a call of its own; they are no part of the document.
const wanted = new Set(request.fileToGenerate.filter((name) => !name.startsWith("grpc/")));
const files = [...registry.files].filter(({ proto }) => wanted.has(proto.name));

const response = create(CodeGeneratorResponseSchema, {
  supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
});
if (files.length > 0) {
  const document = openApiOf(registry, files);
  response.file = [
    { name: "openapi.json", content: `${JSON.stringify(document, null, 1)}\n` },
    { name: "reference.html", content: referenceOf(document) },
  ].map((file) => create(CodeGeneratorResponse_FileSchema, file));
}
process.stdout.write(toBinary(CodeGeneratorResponseSchema, response));
