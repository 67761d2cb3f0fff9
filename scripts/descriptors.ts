import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { DescFile } from "@bufbuild/protobuf";

const generated = join(import.meta.dirname, "..", "gen", "ts");

/**
 * The descriptors of every file of this API, read from the generated code and
 * sorted by name; files of others (gRPC health and reflection) are left out.
 */
export async function loadDescriptors(): Promise<DescFile[]> {
  const paths = (await readdir(generated, { recursive: true }))
    .filter((path) => path.endsWith("_pb.ts") && !path.startsWith("grpc"))
    .sort();
  return Promise.all(paths.map(loadDescriptor));
}

async function loadDescriptor(path: string): Promise<DescFile> {
  const exported: Record<string, unknown> = await import(pathToFileURL(join(generated, path)).href);
  const file = Object.values(exported).find(isDescFile);
  if (file === undefined) throw new Error(`gen/ts/${path} exports no file descriptor`);
  return file;
}

function isDescFile(value: unknown): value is DescFile {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "file";
}
