import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

// The machine of a test may be busy.
const patient = { SLIPWAY_COMPLETION_TIMEOUT: "30s" };

let platform: TestPlatform;
let user: UserProgram;
beforeAll(async () => {
  [platform, user] = await Promise.all([startPlatform({ background: false }), openProgram()]);
  const args = ["context", "add", "here", "--url", platform.url, "--project", platform.project, "--token-stdin"];
  await user.run(args, { input: platform.tokens.owner });
  for (const name of ["alpha", "beta"]) await user.run(["cluster", "create", name]);
});
afterAll(async () => {
  await user.close();
  await platform.close();
});

const complete = async (...words: string[]) => {
  const { stdout } = await user.run(["__complete", "--", ...words], { env: patient });
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t")[0] ?? ""]));
};

/** What bash has for a line, asked as readline asks. */
async function inBash(line: string): Promise<string[]> {
  const script = `export SLIPWAY_COMPLETION_TIMEOUT=30s
source <(slipway completion bash)
COMP_LINE=$1 COMP_POINT=\${#1}
_slipway
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await user.other("bash", ["-c", script, "bash", line]);
  expect(stderr).toBe("");
  return stdout.split("\n").filter((each) => each !== "");
}

describe("completion", () => {
  it("knows commands, flags, values, contexts, and names from the server", async () => {
    expect(await complete("cl")).toEqual(["cluster"]);
    expect(await complete("cluster", "")).toEqual(expect.arrayContaining(["list", "get", "create", "delete"]));
    expect(await complete("cluster", "create", "--ku")).toEqual(["--kubernetes"]);
    expect(await complete("cluster", "list", "--outp")).toEqual(["--output"]);
    expect(await complete("cluster", "list", "-o", "")).toEqual(["table", "wide", "json", "yaml", "name"]);
    expect(await complete("cluster", "list", "--output=j")).toEqual(["--output=json"]);
    expect(await complete("--context", "")).toEqual(["here"]);
    expect((await complete("cluster", "get", "")).sort()).toEqual(["alpha", "beta"]);
    expect(await complete("kubeconfig", "a")).toEqual(["alpha"]);
    expect(await complete("cluster", "list", "--project", "d")).toEqual(["default"]);
    expect(await complete("kubeconfig", "")).not.toContain("exec-credential");
    expect(await complete("completion", "z")).toEqual(["zsh"]);
  });

  it("is silent where there is no server, or nothing to say", async () => {
    const away = await user.run(["__complete", "--", "--url", "http://127.0.0.1:1", "cluster", "get", ""], {
      env: patient,
    });
    expect(away).toEqual({ code: 0, stdout: "", stderr: "" });
    const nothing = await user.run(["__complete", "--", "nonsense", "more", ""]);
    expect(nothing).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("works in bash, also behind the = that it takes for the end of a word", async () => {
    expect(await inBash("slipway clus")).toEqual(["cluster"]);
    expect((await inBash("slipway cluster get ")).sort()).toEqual(["alpha", "beta"]);
    expect(await inBash("slipway cluster list --output=y")).toEqual(["yaml"]);
  });

  it("has a script for each shell, and for no other", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      expect(await user.run(["completion", shell])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("__complete"),
      });
    }
    expect((await user.run(["completion", "tcsh"])).code).toBe(2);
  });
});
