import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { parseDuration, shortAge } from "../../cli/duration.js";
import { cellOf, layOut, widthOf } from "../../cli/table.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe("a table", () => {
  it("is aligned by what signs take on a terminal, and cut at its widest column", async () => {
    const rows = [
      ["NAME", "TEXT", "END"],
      ["日本", "short", "x"],
      ["abc", "a long text that does not fit", "y"],
    ];
    const width = await widthOf(rows.flat());
    expect(layOut(rows, width)).toEqual([
      "NAME   TEXT                            END",
      "日本   short                           x",
      "abc    a long text that does not fit   y",
    ]);
    expect(layOut(rows, width, { most: 30 })).toEqual([
      "NAME   TEXT                END",
      "日本   short               x",
      "abc    a long text that…   y",
    ]);
  });

  it("has nothing in it that moves the cursor, and a mark for what is empty", () => {
    expect(cellOf("a\u001b[31mred\nline\u202e")).toBe("a [31mred line");
    expect(cellOf(undefined)).toBe("-");
  });
});

describe("durations", () => {
  it("are read as people write them", () => {
    expect(["90", "1h30m", "1.5s", "20ms", "2d"].map(parseDuration)).toEqual([
      90_000, 5_400_000, 1_500, 20, 172_800_000,
    ]);
    expect(["", "soon", "1h30", "-5s", "5 s"].map(parseDuration)).toEqual([...Array(5)]);
  });

  it("are told by what matters", () => {
    const minute = 60_000;
    const told = [0, 119_000, 45 * minute, 200 * minute, 11 * 60 * minute, 50 * 60 * minute].map(shortAge);
    expect(told).toEqual(["0s", "119s", "45m", "3h20m", "11h", "2d"]);
  });
});

describe("what a list prints", () => {
  let platform: TestPlatform;
  let user: UserProgram;
  let env: NodeJS.ProcessEnv;
  beforeAll(async () => {
    [platform, user] = await Promise.all([startPlatform({ background: false }), openProgram()]);
    env = { SLIPWAY_URL: platform.url, SLIPWAY_TOKEN: platform.tokens.owner, SLIPWAY_PROJECT: platform.project };
    for (const name of ["alpha", "beta"]) await user.run(["cluster", "create", name], { env });
  });
  afterAll(async () => {
    await user.close();
    await platform.close();
  });
  const list = async (...args: string[]) => (await user.run(["cluster", "list", ...args], { env })).stdout;

  it("is the JSON of the API, YAML of the same, names, or a table with more columns when wide", async () => {
    const clusters = JSON.parse(await list("-o", "json")) as { name: string; kubernetes: unknown; createdAt: string }[];
    expect(clusters.map(({ name }) => name).sort()).toEqual(["alpha", "beta"]);
    expect(clusters[0]).toMatchObject({ project: platform.project, status: { type: "Create", state: "Pending" } });
    expect(parse(await list("-o", "yaml"))).toEqual(clusters);
    expect((await list("-o", "name")).trim().split("\n").sort()).toEqual(["alpha", "beta"]);
    const [header = "", ...rows] = (await list()).trimEnd().split("\n");
    expect(header).toMatch(/^NAME +STATUS +PROGRESS/);
    expect(rows).toHaveLength(2);
    expect((await list("-o", "wide")).split("\n")[0]).toMatch(/UUID/);
    expect(JSON.parse((await user.run(["cluster", "get", "alpha", "-o", "json"], { env })).stdout)).toMatchObject({
      name: "alpha",
    });
  });

  it("is cut to the width of a terminal as a table, and whole when wide", async () => {
    const prefix = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    const at = async (format: string) =>
      (await user.atTerminal(`${prefix.join(" ")} slipway cluster list -o ${format}`, 50).outcome).stdout.split("\r\n");
    const narrow = await at("table");
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(50);
    expect(Math.max(...(await at("wide")).map((line) => line.length))).toBeGreaterThan(50);
  });

  it("ends without a word when nobody reads on", async () => {
    const prefix = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    const line = `${prefix.join(" ")} slipway cluster list -o json | head -c 1`;
    expect(await user.other("bash", ["-o", "pipefail", "-c", line])).toMatchObject({ stdout: "[", stderr: "" });
  });

  it("is silent on stderr, unless --verbose asks for the calls", async () => {
    expect((await user.run(["cluster", "list"], { env })).stderr).toBe("");
    const { stderr } = await user.run(["cluster", "list", "-v"], { env });
    expect(stderr).toMatch(/^api\.v1\.ClusterService\/List ok \d+ms request \S+\n$/);
  });
});
