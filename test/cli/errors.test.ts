import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { selfSigned } from "../rpc/support/certificate.js";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let user: UserProgram;
beforeAll(async () => {
  [platform, user] = await Promise.all([startPlatform({ background: false }), openProgram()]);
});
afterAll(async () => {
  await user.close();
  await platform.close();
});

const envOf = (role: "owner" | "viewer") => ({
  SLIPWAY_URL: platform.url,
  SLIPWAY_TOKEN: platform.tokens[role],
  SLIPWAY_PROJECT: platform.project,
});
const run = (args: readonly string[], role: "owner" | "viewer" = "owner") => user.run(args, { env: envOf(role) });

describe("exit codes", () => {
  it("tell how a command went", async () => {
    expect((await run(["cluster", "create", "taken"])).code).toBe(0);
    const cases: [number, readonly string[], RegExp][] = [
      [0, ["cluster", "list"], /^$/],
      [2, ["clutser", "list"], /Did you mean cluster\?/],
      [2, ["cluster", "lis"], /Did you mean one of list, ls\?|Did you mean list\?/],
      [2, ["cluster", "list", "--projct", "x"], /Did you mean --project\?/],
      [2, ["cluster", "get"], /missing required argument 'cluster'/],
      [2, ["cluster", "list", "--timeout", "soon"], /must be a duration/],
      [2, ["cluster", "delete", "taken"], /Add --yes/],
      [5, ["cluster", "get", "takne"], /Did you mean taken\?[\s\S]*slipway cluster list/],
      [6, ["cluster", "create", "taken"], /taken/],
      [11, ["cluster", "create", "Not A Name"], /<name> \(name\): /],
      [11, ["cluster", "create", "x1", "--kubernetes", "9.9.9"], /--kubernetes/],
      [10, ["cluster", "list", "--timeout", "1ms"], /--timeout gives it more time/],
    ];
    for (const [code, args, stderr] of cases) {
      const outcome = await run(args);
      expect([args.join(" "), outcome.code]).toEqual([args.join(" "), code]);
      expect(outcome.stderr).toMatch(stderr);
    }
    expect(await run(["cluster", "create", "two"], "viewer")).toMatchObject({ code: 4, stdout: "" });
    const anonymous = await user.run(["cluster", "list"], { env: { ...envOf("owner"), SLIPWAY_TOKEN: "nonsense" } });
    expect(anonymous).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`slipway login --url ${platform.url}`),
    });
    expect(anonymous.stderr).not.toContain("nonsense");
  });

  it("are listed by help", async () => {
    const { stdout, code } = await user.run(["help", "exit-codes"]);
    expect(code).toBe(0);
    for (const number of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 130]) {
      expect(stdout).toMatch(new RegExp(`^ +${number} {2}`, "m"));
    }
  });

  it("help of any command goes to stdout, and that of a mistake to stderr", async () => {
    for (const args of [
      ["--help"],
      ["help", "cluster"],
      ["cluster", "create", "--help"],
      ["help", "cluster", "create"],
    ]) {
      const outcome = await user.run(args);
      expect([args, outcome.code, outcome.stderr]).toEqual([args, 0, ""]);
      expect(outcome.stdout).toContain("Usage: slipway");
    }
    expect(await user.run([])).toMatchObject({ code: 2, stdout: "" });
    const version = { code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: "" };
    expect(await user.run(["--version"])).toEqual(version);
  });
});

describe("a server that cannot be reached", () => {
  const call = (url: string, ...more: string[]) =>
    user.run(["whoami", "--url", url, "--timeout", "20s", ...more], { env: { SLIPWAY_TOKEN: "x" } });

  it("refuses the connection, or has no such name", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    await new Promise((resolve) => taken.close(resolve));
    const refused = await call(`http://127.0.0.1:${port}`);
    expect(refused).toMatchObject({ code: 9, stderr: expect.stringContaining("connection refused") });
    expect(refused.stderr).toContain("Is the server running there?");
    const unknown = await call("http://nowhere.invalid");
    expect(unknown).toMatchObject({ code: 9, stderr: expect.stringContaining("Look at the host name") });
  });

  it("has a certificate that is not trusted, which --ca-file mends, or is for another host", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-cli-"));
    const { cert, key } = await selfSigned();
    const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
    const tls = await startPlatform({
      background: false,
      env: { SLIPWAY_TLS_CERT_FILE: certFile, SLIPWAY_TLS_KEY_FILE: keyFile },
    });
    try {
      const untrusted = await call(tls.url);
      expect(untrusted).toMatchObject({ code: 9, stderr: expect.stringContaining("self-signed") });
      expect(untrusted.stderr).toContain("--ca-file");
      const env = { SLIPWAY_TOKEN: tls.tokens.owner };
      const trusted = await user.run(["whoami", "--url", tls.url, "--ca-file", certFile, "-o", "name"], { env });
      expect(trusted).toMatchObject({ code: 0, stdout: `${tls.tenant}\n` });
      const plain = await call(tls.url.replace("https", "http"));
      expect(plain.code).toBe(9);
      const none = await user.run(["whoami", "--url", tls.url, "--ca-file", keyFile], { env });
      expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("has no certificate") });
    } finally {
      await tls.close();
      await rm(folder, { recursive: true });
    }
  });

  it("speaks no TLS where https is asked for", async () => {
    const outcome = await call(platform.url.replace("http", "https"));
    expect(outcome).toMatchObject({ code: 9, stderr: expect.stringContaining("its URL begins with http://") });
  });
});
