import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startPlatform, type TestPlatform, type TestTenant } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let other: TestTenant;
let user: UserProgram;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
});
afterAll(() => platform.close());
beforeEach(async () => {
  await user?.close();
  user = await openProgram();
});
afterAll(() => user.close());

const add = (name: string, tenant: TestTenant, ...more: string[]) =>
  user.run(["context", "add", name, "--url", platform.url, "--token-stdin", ...more], { input: tenant.tokens.owner });
const whoAmI = async (args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  (await user.run(["whoami", "-o", "name", ...args], { env })).stdout.trim();

describe("contexts", () => {
  it("are added, listed, used, renamed, changed and removed; the file is its owner's alone", async () => {
    expect(await add("one", platform)).toMatchObject({ code: 0, stdout: "" });
    expect(await add("two", other, "--project", "default")).toMatchObject({ code: 0 });
    const { stdout } = await user.run(["context", "list"]);
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2))).toMatchObject([
      ["NAME", "CURRENT"],
      ["one", "-"],
      ["two", "*"],
      [""],
    ]);
    expect(stdout).not.toContain(other.tokens.owner);
    const file = join(user.home, ".config", "slipway", "config.yaml");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await whoAmI()).toBe(other.tenant);
    await user.run(["context", "use", "one"]);
    expect(await whoAmI()).toBe(platform.tenant);
    await user.run(["context", "rename", "one", "first"]);
    await user.run(["context", "set", "--project", platform.project]);
    const shown = JSON.parse((await user.run(["context", "show", "-o", "json"])).stdout);
    expect(shown).toEqual([
      { name: "first", current: true, url: platform.url, project: platform.project, auth: "token" },
    ]);
    expect((await user.run(["context", "remove", "first"])).code).toBe(0);
    expect(await user.run(["context", "show"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no context"),
    });
    expect((await user.run(["context", "use", "tow"])).stderr).toContain("Did you mean two?");
    expect((await add("two", other)).code).toBe(6);
  });

  it("many that are added at once are all kept", async () => {
    const names = Array.from({ length: 6 }, (_, at) => `c${at}`);
    const outcomes = await Promise.all(names.map((name) => add(name, platform)));
    expect(outcomes.map(({ code }) => code)).toEqual(names.map(() => 0));
    const listed = (await user.run(["context", "list", "-o", "name"])).stdout.trim().split("\n");
    expect(listed.sort()).toEqual(names);
  });

  it("a file that is no configuration is named, and left as it is", async () => {
    const file = join(user.home, "broken.yaml");
    await writeFile(file, "contexts: {a: [}\n");
    const outcome = await user.run(["context", "add", "x", "--url", platform.url], { env: { SLIPWAY_CONFIG: file } });
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining(`${file} cannot be read`) });
  });
});

describe("flags come before the environment, and the environment before the context", () => {
  beforeEach(async () => {
    await add("one", platform, "--project", platform.project);
    await add("two", other, "--project", other.project);
  });

  it("of the context", async () => {
    expect(await whoAmI()).toBe(other.tenant);
    expect(await whoAmI([], { SLIPWAY_CONTEXT: "one" })).toBe(platform.tenant);
    expect(await whoAmI(["--context", "two"], { SLIPWAY_CONTEXT: "one" })).toBe(other.tenant);
  });

  it("of the token, which no context that a flag names gives way to", async () => {
    const env = { SLIPWAY_TOKEN: platform.tokens.owner };
    expect(await whoAmI([], env)).toBe(platform.tenant);
    expect(await whoAmI(["--context", "two"], env)).toBe(other.tenant);
  });

  it("of the project: by uuid, name or TENANT/NAME", async () => {
    const list = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      user.run(["cluster", "list", ...args], { env });
    expect((await list([])).code).toBe(0);
    expect((await list([], { SLIPWAY_PROJECT: platform.project })).code).toBe(4);
    expect((await list(["--project", "default"], { SLIPWAY_PROJECT: platform.project })).code).toBe(0);
    expect((await list(["--project", `${other.tenant}/default`])).code).toBe(0);
    const wrong = await list(["--project", "defualt"]);
    expect(wrong).toMatchObject({ code: 5, stderr: expect.stringContaining("Did you mean default?") });
  });

  it("a token is never sent to another server than that of its context", async () => {
    const elsewhere = await user.run(["whoami", "--url", platform.url.replace("127.0.0.1", "localhost")]);
    expect(elsewhere).toMatchObject({ code: 3, stderr: expect.stringContaining("slipway login --url") });
  });

  it("without a project one is asked for, and without a server, too", async () => {
    await user.run(["context", "add", "bare", "--url", platform.url, "--token-stdin"], { input: other.tokens.owner });
    const bare = await user.run(["cluster", "list"]);
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining("slipway project list") });
    const empty = { SLIPWAY_CONFIG: join(user.home, "none.yaml") };
    const none = await user.run(["cluster", "list"], { env: empty });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("slipway login") });
  });
});
