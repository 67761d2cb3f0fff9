import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { equals, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate as validateFile } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.js";
import { buf, root } from "./run.js";

const { resolve } = createRequire(import.meta.url);

const validatePath = "buf/validate/validate.proto";

const validateHeader = `// Copyright 2023-2026 Buf Technologies, Inc. Licensed under the Apache License 2.0.
// Printed by scripts/vendor-protos.ts from the descriptor in the npm package
// @bufbuild/protovalidate; do not edit.

`;

/**
 * What third_party/ must contain: path to text. The validation rules are printed
 * from the descriptor that enforces them at run time, because their package ships
 * no .proto file; the gRPC files are those that their packages ship.
 */
export function vendoredFiles(): ReadonlyMap<string, string> {
  const reflection = "build/proto/grpc/reflection";
  return new Map([
    [validatePath, validateHeader + printProto(validateFile)],
    ["grpc/health/v1/health.proto", shipped("grpc-health-check", "proto/health/v1/health.proto")],
    ["grpc/reflection/v1/reflection.proto", shipped("@grpc/reflection", `${reflection}/v1/reflection.proto`)],
    ["grpc/reflection/v1alpha/reflection.proto", shipped("@grpc/reflection", `${reflection}/v1alpha/reflection.proto`)],
  ]);
}

/** Names each file in third_party/ that is not what the installed npm packages hold. */
export function staleVendoredFiles(): string[] {
  const stale = [...vendoredFiles()].flatMap(([path, text]) => {
    const target = join(root, "third_party", path);
    const same = existsSync(target) && readFileSync(target, "utf8") === text;
    return same ? [] : [`third_party/${path} is stale: run npm run vendor`];
  });
  return [...stale, ...misprintedValidation()];
}

// A printer may lose something, so what it printed is compiled and compared with its source.
function misprintedValidation(): string[] {
  const build = buf("build", "third_party", "--as-file-descriptor-set", "--exclude-source-info", "--output", "-");
  if (!build.ok) return build.text.split("\n");
  const compiled = fromBinary(FileDescriptorSetSchema, build.output).file.find((file) => file.name === validatePath);
  const same = compiled !== undefined && equals(FileDescriptorProtoSchema, compiled, validateFile.proto);
  return same ? [] : [`third_party/${validatePath} does not compile to the descriptor that npm holds`];
}

function shipped(packageName: string, path: string): string {
  return readFileSync(join(dirname(resolve(`${packageName}/package.json`)), path), "utf8");
}
