import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Build } from "./platform.js";
import { packageRoot } from "./root.js";

/** Reads which build this is: the package's version, and what the build script noted of the commit. */
export function readBuild(): Build {
  const root = packageRoot();
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const noted = join(root, "dist", "build.json");
  const commit = existsSync(noted) ? (JSON.parse(readFileSync(noted, "utf8")) as Partial<Build>) : {};
  return {
    version,
    revision: commit.revision ?? "",
    gitSha1: commit.gitSha1 ?? "",
    buildDate: commit.buildDate ?? "",
  };
}
