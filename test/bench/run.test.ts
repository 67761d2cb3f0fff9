import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/root.js";

const tsx = join(packageRoot(), "node_modules", ".bin", "tsx");
const bench = [join("bench", "run.ts")];
const options = { cwd: packageRoot() };
/** They can be measured on a PostgreSQL server only. */
const needPostgres = [
  "allocate",
  "volume-list",
  "deployment-informers",
  "get-pg-vs-pg",
  "list50-pg-vs-pg",
  "create-pg-vs-pg",
  "two-processes-vs-one",
  "watch-10k-vs-grpcjs",
];
const wholeRunMs = 20 * 60_000;

interface Line {
  readonly name: string;
  readonly unit: string;
  readonly value?: number;
  /** Null to nothing: the work of a short run may be less than what can be measured. */
  readonly ratio?: number | null;
  readonly ours?: number;
  readonly baseline?: number;
}

const names = execFileSync(tsx, [...bench, "--list"], { ...options, encoding: "utf8" })
  .trim()
  .split("\n");

describe("npm run bench -- --short --json", () => {
  let lines: readonly Line[] = [];
  let errors = "";

  beforeAll(async () => {
    // By their names, for the soak runs only when it is named.
    const child = spawn(tsx, [...bench, ...names, "--short", "--json"], {
      ...options,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    await new Promise((resolve) => child.once("close", resolve));
    lines = output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  }, wholeRunMs);

  it("ends well", () => {
    expect(errors).toMatch(/load average .* after/);
    expect(errors).not.toMatch(/failed:/);
  });

  it.each(names)("%s prints its measures", (name) => {
    const own = lines.filter((line) => line.name === name || line.name.startsWith(`${name}.`));
    const isMeasured = process.env.TEST_DATABASE_URL !== undefined || !needPostgres.includes(name);
    expect(own.length > 0, errors).toBe(isMeasured);
    for (const line of own) {
      expect(line.unit).toMatch(/./);
      const figures = line.value === undefined ? [line.ours, line.baseline] : [line.value];
      for (const figure of figures) expect(Number.isFinite(figure), JSON.stringify(line)).toBe(true);
      if (line.value !== undefined) continue;
      const isToNothing = line.ours === 0 || line.baseline === 0;
      expect(Number.isFinite(line.ratio) || (isToNothing && line.ratio === null), JSON.stringify(line)).toBe(true);
    }
  });
});
