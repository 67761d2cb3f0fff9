import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { needs } from "../support/tools.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let user: UserProgram;
beforeAll(async () => {
  [platform, user] = await Promise.all([startPlatform(), openProgram()]);
  const args = ["context", "add", "here", "--url", platform.url, "--project", platform.project, "--token-stdin"];
  await user.run(args, { input: platform.tokens.owner });
  for (const name of ["first", "second"]) await user.run(["cluster", "create", name, "--wait", "-q"]);
});
afterAll(async () => {
  await user.close();
  await platform.close();
});

const config = () => join(user.home, ".kube", "config");

describe("slipway kubeconfig", () => {
  it("prints a kubeconfig without a key, or with --static one with it", async () => {
    const printed = parse((await user.run(["kubeconfig", "first"])).stdout);
    expect(printed).toMatchObject({ kind: "Config", "current-context": "slipway-first" });
    expect(Object.keys(printed.users[0].user)).toEqual(["exec"]);
    expect(printed.users[0].user.exec.args).toContain("exec-credential");
    const fixed = parse((await user.run(["kubeconfig", "first", "--static", "--expiration", "10m"])).stdout);
    expect(Object.keys(fixed.users[0].user)).toEqual(["client-certificate-data", "client-key-data"]);
    const unknown = await user.run(["kubeconfig", "frist"]);
    expect(unknown).toMatchObject({ code: 5, stderr: expect.stringContaining("Did you mean first?") });
    const short = await user.run(["kubeconfig", "first", "--expiration", "1m"]);
    expect(short).toMatchObject({ code: 11, stderr: expect.stringContaining("--expiration (expiration): ") });
  });

  it("merges into what kubectl has, and leaves all else in its place", async () => {
    await mkdir(join(user.home, ".kube"));
    const before = `# mine
apiVersion: v1
kind: Config
preferences:
  colors: true
clusters:
- name: zeta
  cluster:
    server: https://zeta.example.com # by hand
contexts:
- name: zeta
  context: {cluster: zeta, user: zeta}
current-context: zeta
users:
- name: zeta
  user:
    token: abc
`;
    await writeFile(config(), before, { mode: 0o644 });
    await Promise.all(["first", "second"].map((name) => user.run(["kubeconfig", name, "--merge"])));
    const text = await readFile(config(), "utf8");
    expect((await stat(config())).mode & 0o777).toBe(0o600);
    for (const line of before.trimEnd().split("\n")) expect(text).toContain(line.replace(/\{(.*)\}/, "{ $1 }"));
    const merged = parse(text);
    const names = (list: { name: string }[]) => list.map(({ name }) => name);
    expect(names(merged.clusters)[0]).toBe("zeta");
    expect(names(merged.users).sort()).toEqual(["slipway-first", "slipway-second", "zeta"]);
    expect(merged["current-context"]).toBe("zeta");
    await user.run(["kubeconfig", "first", "--merge", "--use"]);
    const again = parse(await readFile(config(), "utf8"));
    expect(names(again.contexts)).toEqual(names(merged.contexts));
    expect(again["current-context"]).toBe("slipway-first");
    const taken = await user.run(["kubeconfig", "first", "--merge", "--name", "zeta"]);
    expect(taken).toMatchObject({ code: 6, stderr: expect.stringContaining("https://zeta.example.com") });
    await writeFile(join(user.home, "odd"), "a: [");
    expect((await user.run(["kubeconfig", "first", "--merge", "--file", "odd"])).code).toBe(1);
    expect((await user.run(["kubeconfig", "first", "--file", "odd"])).code).toBe(6);
  });

  it.skipIf(!needs("kubectl"))("works with kubectl, which gets a certificate and keeps it while it holds", async () => {
    expect((await user.run(["kubeconfig", "second", "--file", "second"])).code).toBe(0);
    const kubectl = (...args: string[]) => user.other("kubectl", ["--kubeconfig", "second", ...args]);
    expect(await kubectl("get", "nodes", "-o", "name")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^node\//),
    });
    const args = parse(await readFile(join(user.home, "second"), "utf8")).users[0].user.exec.args as string[];
    const ask = async () => JSON.parse((await user.run(args.slice(args.indexOf("kubeconfig")))).stdout);
    const [one, two] = [await ask(), await ask()];
    expect(one).toMatchObject({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1" });
    expect(two).toEqual(one);
    expect(Date.parse(one.status.expirationTimestamp)).toBeGreaterThan(Date.now());
    const merged = await user.other("kubectl", ["--context", "slipway-first", "get", "nodes", "-o", "name"]);
    expect(merged).toMatchObject({ code: 0, stdout: expect.stringMatching(/^node\//) });
    const cached = await user.other("bash", ["-c", "find .cache/slipway -type f -perm 600 | wc -l"]);
    expect(Number(cached.stdout)).toBeGreaterThanOrEqual(2);
    const folders = await user.other("bash", ["-c", "find .cache/slipway -type f ! -perm 600 | wc -l"]);
    expect(folders.stdout.trim()).toBe("0");
  });
});
