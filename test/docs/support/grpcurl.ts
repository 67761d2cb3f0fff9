import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/root.js";
import { needs } from "../../support/tools.js";
import type { RunOptions } from "./run-document.js";

/** Where to find grpcurl: on the PATH, built already, or built now from tools/go.mod; without it, its commands are left out. */
export function withGrpcurl(): RunOptions {
  const folder = join(packageRoot(), ".cache", "bin");
  if (existsSync(join(folder, "grpcurl"))) return { path: [folder] };
  if (spawnSync("grpcurl", ["-version"], { stdio: "ignore" }).status === 0) return {};
  const tools = join(packageRoot(), "tools");
  if (existsSync(join(tools, "go.mod")) && needs("go")) {
    const args = ["build", "-o", join(folder, "grpcurl"), "github.com/fullstorydev/grpcurl/cmd/grpcurl"];
    const built = spawnSync("go", args, { cwd: tools, encoding: "utf8", timeout: 600_000 });
    if (built.status === 0) return { path: [folder] };
    console.warn(`grpcurl cannot be built: ${built.stderr}`);
  }
  needs("grpcurl");
  return { without: ["grpcurl"] };
}
