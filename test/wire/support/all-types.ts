import { readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { DescFile, DescMessage } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import * as wkt from "@bufbuild/protobuf/wkt";

const generated = new URL("../../../gen/ts/", import.meta.url);

function messagesOf(module: Readonly<Record<string, unknown>>): readonly DescMessage[] {
  const files = Object.entries(module).filter(([name]) => name.startsWith("file_"));
  return files.flatMap(([, file]) => [...nestedTypes(file as DescFile)].filter((type) => type.kind === "message"));
}

/** Every message type of the platform's files. */
export async function generatedMessages(): Promise<readonly DescMessage[]> {
  const names = readdirSync(generated, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("_pb.ts"));
  const modules = await Promise.all(names.map((name) => import(pathToFileURL(`${generated.pathname}${name}`).href)));
  return modules.flatMap(messagesOf);
}

/** Every message type of the files that come with protobuf. */
export const wellKnownMessages: readonly DescMessage[] = messagesOf(wkt);
