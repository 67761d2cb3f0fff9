import { readdirSync } from "node:fs";
import type { DescFile, DescService } from "@bufbuild/protobuf";

const generated = new URL("../../../../gen/ts/", import.meta.url);
const files = readdirSync(generated, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("_pb.ts"));
const modules = await Promise.all(files.map((name) => import(new URL(name, generated).href) as Promise<object>));
const isFile = (value: unknown): value is DescFile =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "file";

/** Every service of the contract. */
export const allServices: readonly DescService[] = modules
  .flatMap((module) => Object.values(module).filter(isFile))
  .flatMap(({ services }) => services);
