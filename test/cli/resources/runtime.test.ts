import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliWorld, openCliWorld, prepareTarget, timeout } from "./support.js";

let world: CliWorld;
beforeAll(async () => {
  world = await openCliWorld({ hostWorkloads: true });
  await prepareTarget(world);
  const order = ["deployment", "create", "web", "--image", "nginxinc/nginx-unprivileged:1.29", "--replicas", "2"];
  await world.ok([...order, "--wait", "-q"]);
}, timeout);
afterAll(() => world.close());

describe("slipway logs", { timeout }, () => {
  it("prints what instances wrote", async () => {
    const printed = await world.ok(["logs", "web", "--tail", "all"]);
    expect(new Set(printed.match(/^\[web-web-[a-z0-9-]+\]/gm)).size).toBe(2);
    const [instance = ""] = (await world.ok(["deployment", "instances", "web", "-o", "name"])).split("\n");
    const one = await world.ok(["logs", "web", "--instance", instance, "--tail", "1"]);
    expect(one).not.toContain("[");
    expect(one.trimEnd().split("\n")).toHaveLength(1);
    const [line = ""] = (await world.ok(["logs", "web", "-o", "json", "--tail", "1"])).split("\n");
    expect(JSON.parse(line)).toMatchObject({ process: "web", time: expect.any(String) });
    expect(await world.ok(["logs", "web", "--process", "web", "--since", "1h", "--timestamps"])).toMatch(/^20\d\d-/m);
    expect(await world.fails(["logs", "web", "--tail", "some"], 2)).toContain("or all");
    await world.fails(["logs", "nothing"], 5);
  });

  it("goes on with -f, once for each line", async () => {
    const following = world.start(["logs", "web", "-f", "--tail", "0"]);
    await following.printed(/(line \d+[\s\S]*){3}/);
    following.child.kill("SIGINT");
    const { stdout } = await following.outcome;
    const lines = stdout.trimEnd().split("\n");
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe("slipway exec", { timeout }, () => {
  it("ends with the exit code of the command", async () => {
    expect(await world.ok(["exec", "web", "--", "echo", "one", "--two"])).toBe("one --two\n");
    expect(await world.run(["exec", "web", "--", "sh", "-c", "echo out; no-such-program; exit 7"])).toEqual({
      code: 7,
      stdout: "out\n",
      stderr: expect.stringContaining("no-such-program: not found"),
    });
    expect(await world.ok(["exec", "web", "--stdin", "--", "cat"], "from here\n")).toBe("from here\n");
    await world.fails(["exec", "web", "--instance", "nothing", "--", "true"], 5);
    await world.fails(["exec", "web", "--", "true"], 4, "viewer");
    expect(await world.fails(["exec", "web"], 2)).toContain("missing required argument");
  });
});

describe("slipway shell", { timeout }, () => {
  it("is a terminal: raw, of the right size, and given back in the end", async () => {
    const { SLIPWAY_URL, SLIPWAY_TOKEN, SLIPWAY_PROJECT } = world.envOf("owner");
    const settings = `SLIPWAY_URL=${SLIPWAY_URL} SLIPWAY_TOKEN=${SLIPWAY_TOKEN} SLIPWAY_PROJECT=${SLIPWAY_PROJECT}`;
    const line = `env ${settings} slipway shell web; echo "code=$?"; stty -a | grep -o ' *-*icanon'`;
    const terminal = world.program.atTerminal(line, 93);
    await terminal.printed(/# $/);
    terminal.child.stdin.write("stty size\r");
    await terminal.printed(/40 93/);
    terminal.child.stdin.write("exit 3\r");
    await terminal.printed(/code=3/);
    await terminal.printed(/ icanon/);
    terminal.child.stdin.end();
    await terminal.outcome;
  });

  it("takes what is piped in", async () => {
    const outcome = await world.run(["shell", "web"], { input: "echo $((6 * 7))\nexit 5\n" });
    expect(outcome.code).toBe(5);
    const named = await world.run(["shell", "web", "--", "echo", "hello"]);
    expect(named).toMatchObject({ code: 0, stdout: expect.stringContaining("hello") });
    await world.fails(["shell", "web"], 4, "viewer");
  });
});

describe("slipway task", { timeout }, () => {
  it("lists, shows and follows tasks", async () => {
    const [task] = await world.json<{ uuid: string }[]>([
      "task",
      "list",
      "--deployment",
      "web",
      "--state",
      "succeeded",
    ]);
    const uuid = task?.uuid ?? "";
    expect(await world.json(["task", "get", uuid])).toMatchObject({ uuid, kind: "TASK_KIND_CREATE" });
    expect(await world.run(["task", "watch", uuid])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("CREATE/SUCCEEDED 100%"),
    });
    const answers = (await world.ok(["task", "watch", uuid, "-o", "json"])).trimEnd().split("\n");
    expect(JSON.parse(answers.at(-1) ?? "")).toMatchObject({ state: "TASK_STATE_SUCCEEDED" });
    const log = await world.ok(["task", "logs", uuid]);
    expect(log).toMatch(/^20\S+Z apply: /m);
    expect(await world.ok(["task", "logs", uuid, "-f"])).toBe(log);
    expect(await world.fails(["task", "get", "web"], 2)).toContain("slipway task list");
    expect(await world.fails(["task", "cancel", uuid], 7)).not.toBe("");
    expect(await world.fails(["task", "list", "--state", "lost"], 2)).toContain("canceled");
  });

  it("cancels what waits, so that watching it fails", async () => {
    const later = await world.run(["deployment", "restart", "web", "--at", "1h", "--reason", "later", "-o", "json"]);
    const [, uuid = ""] = /slipway task watch (\S+)/.exec(later.stderr) ?? [];
    expect(await world.ok(["task", "list", "--state", "scheduled", "-o", "name"])).toBe(`${uuid}\n`);
    expect(await world.json(["task", "cancel", uuid])).toMatchObject({ state: "TASK_STATE_CANCELED", reason: "later" });
    expect(await world.fails(["task", "watch", uuid], 12)).toContain("RESTART/CANCELED");
    const again = await world.json<{ uuid: string }>(["task", "retry", uuid, "--wait"]);
    expect(again).toMatchObject({ state: "TASK_STATE_SUCCEEDED", retryOf: uuid });
  });

  it("gives up waiting in time, and leaves the task alone", async () => {
    const late = ["deployment", "restart", "web", "--at", "1h", "--wait", "--timeout", "20s"];
    const stderr = await world.fails(late, 10);
    expect(stderr).toContain("The operation goes on");
    const [uuid = ""] = (await world.ok(["task", "list", "--state", "scheduled", "-o", "name"])).split("\n");
    await world.ok(["task", "cancel", uuid]);
  });
});

describe("slipway deployment watch, objects and events", { timeout }, () => {
  it("show what goes on", async () => {
    const watching = world.start(["deployment", "watch", "web", "-o", "json"]);
    await watching.printed(/"DEPLOYMENT_PHASE_IDLE"/);
    await world.ok(["deployment", "scale", "web", "1"]);
    await watching.printed(/"DEPLOYMENT_PHASE_WORKING"/);
    watching.child.kill("SIGINT");
    await watching.outcome;
    const objects = await world.ok(["deployment", "objects", "web", "-o", "name"]);
    expect(objects).toMatch(/^Deployment\/web-web$/m);
    expect(await world.ok(["deployment", "object", "web", "Deployment/web-web"])).toMatch(/^kind: Deployment$/m);
    expect(await world.fails(["deployment", "object", "web", "web-web"], 2)).toContain("KIND/NAME");
    await world.ok(["deployment", "events", "web", "--limit", "5"]);
  });

  it("tell what a change would do", async () => {
    const preview = await world.ok(["deployment", "preview", "web", "--env", "GREETING=hello"]);
    expect(preview).toMatch(/^Deployment +web-web +CHANGED/m);
    expect((await world.json<unknown[]>(["release", "list", "web"])).length).toBe(1);
  });
});
