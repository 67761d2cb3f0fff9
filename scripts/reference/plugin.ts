// A plugin of protoc: writes what the contract is in Markdown, a page for each package.
import { readFileSync } from "node:fs";
import { create, createFileRegistry, type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponse_FileSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { commentsOf } from "../openapi/comments.js";
import { indexPage, packagePage } from "./pages.js";

const request = fromBinary(CodeGeneratorRequestSchema, readFileSync(0));
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
// buf generates from the protos of others in a call of its own; they have no pages.
const wanted = new Set(request.fileToGenerate.filter((name) => !name.startsWith("grpc/")));
const files = [...registry.files].filter(({ proto }) => wanted.has(proto.name));

const packages = new Map<string, DescFile[]>();
for (const file of files) packages.set(file.proto.package, [...(packages.get(file.proto.package) ?? []), file]);
const contract = { registry, packages, comments: new Map(files.flatMap((file) => [...commentsOf(file)])) };

const response = create(CodeGeneratorResponseSchema, {
  supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
});
const names = [...packages.keys()].sort();
if (names.length > 0) {
  const pages = names.map((name) => ({ name: `${name}.md`, content: packagePage(contract, name) }));
  response.file = [{ name: "README.md", content: indexPage(contract, names) }, ...pages].map((page) =>
    create(CodeGeneratorResponse_FileSchema, page),
  );
}
process.stdout.write(toBinary(CodeGeneratorResponseSchema, response));
