import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startPlatform, type TestPlatform } from "../support/platform.js";
import { openProgram, type UserProgram } from "./support/program.js";

// Each command is a process of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let platform: TestPlatform;
let slow: TestPlatform;
let user: UserProgram;
beforeAll(async () => {
  [platform, slow, user] = await Promise.all([
    startPlatform({ timeScale: 20 }),
    startPlatform({ timeScale: 0.1 }),
    openProgram(),
  ]);
});
afterAll(async () => {
  await user.close();
  await Promise.all([platform.close(), slow.close()]);
});

const envOf = ({ url, tokens, project }: TestPlatform) => ({
  SLIPWAY_URL: url,
  SLIPWAY_TOKEN: tokens.owner,
  SLIPWAY_PROJECT: project,
});
const prefixOf = (of: TestPlatform) =>
  Object.entries(envOf(of))
    .map(([name, value]) => `${name}='${value}'`)
    .join(" ");

/** A way to a server that can be cut. */
async function openProxy(to: string) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(to).port), "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket)));
    }
    client.pipe(upstream).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("--wait", () => {
  it("prints a line for each change where there is no terminal, and nothing with --quiet", async () => {
    const env = envOf(platform);
    const created = await user.run(["cluster", "create", "lines", "--wait", "-o", "name"], { env });
    expect(created).toMatchObject({ code: 0, stdout: "lines\n" });
    const lines = created.stderr.trim().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    expect(new Set(lines.map((line) => line.replace(/^\S+/, ""))).size).toBe(lines.length);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z Create\/\w+ \d+%/);
    expect(lines.at(-1)).toMatch(/Create\/Succeeded 100%$/);
    const deleted = await user.run(["cluster", "delete", "lines", "--wait", "--yes", "-q"], { env });
    expect(deleted).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("shows a bar at a terminal", async () => {
    const shown = user.atTerminal(`${prefixOf(platform)} slipway cluster create bar --wait`);
    const { code, stdout } = await shown.outcome;
    expect(code).toBe(0);
    expect(stdout).toMatch(/cluster bar \[?=*-*\]? *\d+% Create/);
    expect(stdout).toMatch(/={24} 100%/);
  });

  it("asks at a terminal before something is deleted", async () => {
    const env = envOf(platform);
    await user.run(["cluster", "create", "kept", "--wait", "-q"], { env });
    const asked = user.atTerminal(`${prefixOf(platform)} slipway cluster delete kept`);
    await asked.printed(/Delete the cluster kept.*\[y\/N\]/);
    asked.child.stdin.write("n\r");
    expect(await asked.outcome).toMatchObject({ code: 1, stdout: expect.stringContaining("nothing was changed") });
    expect((await user.run(["cluster", "get", "kept", "-o", "name"], { env })).stdout).toBe("kept\n");
    const again = user.atTerminal(`${prefixOf(platform)} slipway cluster delete kept --wait`);
    await again.printed(/\[y\/N\]/);
    again.child.stdin.write("yes\r");
    expect((await again.outcome).code).toBe(0);
  });

  it("ends with 10 when --timeout is over, and the operation goes on", async () => {
    const args = ["cluster", "create", "late", "--wait", "--timeout", "2s"];
    const late = await user.run(args, { env: envOf(slow) });
    expect(late).toMatchObject({ code: 10, stderr: expect.stringContaining("The operation goes on") });
    expect((await user.run(["cluster", "get", "late", "-o", "name"], { env: envOf(slow) })).stdout).toBe("late\n");
  });

  it("goes on after its connection was lost", async () => {
    const through = await openProxy(platform.url);
    try {
      const env = { ...envOf(platform), SLIPWAY_URL: through.url };
      const created = user.start(["cluster", "create", "lost", "--wait", "-o", "name"], env);
      await created.printed(/Create\/\w+ \d/);
      through.cut();
      const outcome = await created.outcome;
      expect(outcome).toMatchObject({ code: 0, stdout: "lost\n" });
      expect(outcome.stderr).toMatch(/connection lost[\s\S]*Create\/Succeeded 100%/);
    } finally {
      await through.close();
    }
  });

  it("ends with 130 at Ctrl-C, with and without a terminal", async () => {
    const plain = user.start(["cluster", "create", "plain", "--wait"], envOf(slow));
    await plain.printed(/Create\//);
    plain.child.kill("SIGINT");
    expect(await plain.outcome).toMatchObject({ code: 130, stderr: expect.stringContaining("The operation goes on") });
    const shown = user.atTerminal(`${prefixOf(slow)} slipway cluster create shown --wait`);
    await shown.printed(/Create\//);
    shown.child.stdin.write("\u0003");
    expect(await shown.outcome).toMatchObject({ code: 130, stdout: expect.stringContaining("The operation goes on") });
  });
});
