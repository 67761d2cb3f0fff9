import { spawnSync } from "node:child_process";

/** Programs from outside that some tests need, and how each is asked whether it is there. */
const tools = {
  go: ["version"],
  chromium: ["--version"],
  kubectl: ["version", "--client"],
  grpcurl: ["-version"],
} as const satisfies Record<string, readonly string[]>;

/** The name of such a program. */
export type Tool = keyof typeof tools;

const known = new Map<Tool, boolean>();

/**
 * Whether a program is there, for `describe.skipIf(!needs("go"))`. Where it is missing a warning says what is skipped;
 * if SLIPWAY_TEST_REQUIRE names it, as in "go,chromium", that is an error.
 */
export function needs(tool: Tool): boolean {
  const there = known.get(tool) ?? spawnSync(tool, tools[tool], { stdio: "ignore" }).status === 0;
  known.set(tool, there);
  if (there) return true;
  if ((process.env.SLIPWAY_TEST_REQUIRE ?? "").split(",").includes(tool)) {
    throw new Error(`${tool} is not installed, and SLIPWAY_TEST_REQUIRE demands it`);
  }
  console.warn(`skipped: ${tool} is not installed`);
  return false;
}
