import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliWorld, openCliWorld, prepareTarget, timeout } from "./support.js";

let world: CliWorld;
beforeAll(async () => {
  world = await openCliWorld({ hostWorkloads: true });
  await prepareTarget(world);
}, timeout);
afterAll(() => world.close());

const image = "nginxinc/nginx-unprivileged:1.29";

/** What the target shows of a deployment is written a moment after the task has ended. */
const isSeen = (pattern: RegExp) =>
  expect.poll(() => world.ok(["deployment", "get", "web"]), { timeout: 60_000, interval: 500 }).toMatch(pattern);

describe("slipway deployment", { timeout }, () => {
  it("deploys an image, and shows its task", async () => {
    const order = [
      "deployment",
      "create",
      "web",
      "--image",
      image,
      "--port",
      "8080",
      "--replicas",
      "2",
      "--env",
      "A=1",
    ];
    const checked = await world.run([...order, "--validate-only"]);
    expect(checked).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing was changed") });
    expect(await world.json(["deployment", "list"])).toEqual([]);
    const { stdout, stderr, code } = await world.run([...order, "--wait"]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/CREATE\/SUCCEEDED 100%/)]);
    expect(stdout).toMatch(/^web +IDLE +\S+ +1 +web:\d\/2/m);
    await isSeen(/^web +IDLE +HEALTHY +1 +web:2\/2/m);
    expect(await world.fails(order, 6)).not.toBe("");
    expect(await world.ok(["deployment", "instances", "web", "-o", "name"])).toMatch(/^web-web-\S+\nweb-web-\S+\n$/);
  });

  it("says what to do where something is missing or wrong", async () => {
    expect(await world.fails(["deployment", "get", "wbe"], 5)).toContain("Did you mean web?");
    expect(await world.fails(["deployment", "create", "two"], 2)).toContain("--image IMAGE");
    expect(await world.fails(["deployment", "create", "Two!", "--image", image], 11)).toContain("<name> (name)");
    expect(await world.fails(["deployment", "create", "two", "--image", image, "--target", "nowhere"], 5)).toContain(
      "target",
    );
    expect(await world.fails(["deployment", "update", "web"], 2)).toContain("nothing to change");
    expect(await world.fails(["deployment", "scale", "web", "many"], 2)).toContain("number of replicas");
    expect(await world.fails(["deployment", "delete", "web"], 2)).toContain("Add --yes");
    await world.fails(["deployment", "restart", "web"], 4, "viewer");
    const stale = ["deployment", "restart", "web", "--expected-version", "99"];
    await world.fails(stale, 6);
  });

  it("scales, updates, stops and starts, and answers the same request once", async () => {
    expect(await world.ok(["deployment", "scale", "web", "3", "--wait", "-q"])).toMatch(/web:\d\/3/);
    await isSeen(/web:3\/3/);
    expect(await world.ok(["deployment", "scale", "web", "web=-2", "--wait", "-q"])).toMatch(/web:\d\/1/);
    await isSeen(/web:1\/1/);
    const restart = ["deployment", "restart", "web", "--idempotency-key", "once"];
    const taskOf = async () => /slipway task watch (\S+)/.exec((await world.run(restart)).stderr)?.[1];
    const first = await taskOf();
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(await taskOf()).toBe(first);
    expect(await world.ok(["deployment", "stop", "web", "--wait", "-q"])).toMatch(/STOPPED/);
    expect(await world.ok(["deployment", "start", "web", "--wait", "-q"])).toMatch(/web +IDLE/);
    const labels = ["--label", "tier=front", "--auto-rollback", "--health-timeout", "5m"];
    expect(await world.json(["deployment", "update", "web", ...labels])).toMatchObject({
      labels: { tier: "front" },
      autoRollback: { enabled: true, timeoutSeconds: 300 },
    });
    expect(await world.ok(["deployment", "list", "--label", "tier=front", "-o", "name"])).toBe("web\n");
  });

  it("fails with its own exit code when a change fails", async () => {
    const broken = ["deployment", "create", "broken", "--chart", "demo-broken", "--repo", "https://charts.example.com"];
    const stderr = await world.fails([...broken, "--health-timeout", "10s", "--wait", "--timeout", "5m"], 12);
    expect(stderr).toMatch(/deployment broken: CREATE\/FAILED[\s\S]*slipway task logs/);
    await world.ok(["deployment", "delete", "broken", "--yes", "--wait", "-q"]);
  });

  it("deploys a chart with values, and changes one of them", async () => {
    const values = await world.file("values.yaml", "replicas: 1\n");
    const chart = ["--chart", "demo-web", "--repo", "https://charts.example.com", "--chart-version", "1.x"];
    await world.ok(["deployment", "create", "packaged", ...chart, "--values", values, "--wait", "-q"]);
    await world.ok(["deployment", "update", "packaged", "--set", "replicas=2", "--wait", "-q"]);
    const shown = await world.json(["deployment", "get", "packaged"]);
    expect(shown).toMatchObject({ source: { chart: { name: "demo-web", version: "1.x", values: { replicas: 2 } } } });
    await world.ok(["deployment", "delete", "packaged", "--yes", "--wait", "-q"]);
  });
});

describe("slipway config and release", { timeout }, () => {
  it("set and unset variables, also from secrets, and go back", async () => {
    await world.ok(["secret", "set", "db", "--stdin", "password"], "hush-5");
    const key = await world.file("key", "hush-6\n");
    const page = await world.file("page.html", "<p>hello</p>");
    const set = ["config", "set", "web", "GREETING=hello", "--secret", "DB_PASSWORD=db:password"];
    await world.ok([...set, "--sensitive-file", `KEY=${key}`, "--file", `/srv/page.html=${page}`, "--wait", "-q"]);
    const shown = await world.ok(["config", "get", "web"]);
    expect(shown).toMatch(/^GREETING +hello +variable/m);
    expect(shown).toMatch(/^KEY +\(sensitive\)/m);
    expect(shown).toMatch(/^\/srv\/page\.html +12 characters +file/m);
    expect(shown).not.toContain("hush");
    expect(await world.ok(["deployment", "credentials", "web", "--variable", "KEY"])).toBe("hush-6\n");
    expect(await world.fails(["config", "set", "web", "--secret", "X=nowhere:key"], 5)).toContain(
      'no secret "nowhere"',
    );
    expect(await world.fails(["config", "set", "web", "hush-7"], 2)).not.toContain("hush-7");
    expect(await world.fails(["config", "set", "web", "1A=x"], 11)).toContain("<variables>");
    await world.fails(["config", "unset", "web", "NOWHERE"], 5);
    await world.ok(["config", "unset", "web", "GREETING", "--wait", "-q"]);
    expect(await world.ok(["config", "get", "web"])).not.toContain("GREETING");
  });

  it("list, compare and roll back releases", async () => {
    const before = await world.json<{ number: number; status: string }[]>(["release", "list", "web"]);
    const [newest, earlier] = before;
    const [to, from] = [String(newest?.number), String(earlier?.number)];
    expect(newest?.status).toBe("RELEASE_STATUS_ACTIVE");
    expect(await world.ok(["release", "diff", "web", from, to])).toMatch(/^-.*GREETING$/m);
    await world.ok(["release", "lock", "web", from, "--reason", "broken"]);
    await world.fails(["release", "rollback", "web", from], 7);
    await world.ok(["release", "unlock", "web", from]);
    expect(await world.json(["release", "rollback", "web", "--wait"])).toMatchObject({
      cause: "RELEASE_CAUSE_ROLLBACK",
      status: "RELEASE_STATUS_ACTIVE",
    });
    expect(await world.json(["release", "get", "web", from])).toMatchObject({ number: earlier?.number });
    expect(await world.ok(["deployment", "history", "web", "--limit", "1", "-o", "name"])).toBe(`${Number(to) + 1}\n`);
    await world.fails(["release", "get", "web", "999"], 5);
  });
});

describe("slipway route and deployment swap", { timeout }, () => {
  it("give hostnames, divide requests, exchange and delete them", async () => {
    expect(await world.ok(["route", "create", "web", "--wait", "-q"])).toMatch(/^web\.apps\.example\.com +\/ +ACTIVE/m);
    const own = ["route", "create", "web", "--hostname", "shop.example.com", "--path", "/cart", "--no-tls", "-q"];
    await world.ok([...own, "--wait"]);
    expect(await world.json(["route", "get", "shop.example.com/cart"])).toMatchObject({ hostname: "shop.example.com" });
    expect(await world.ok(["deployment", "info", "web"])).toContain("http://web.apps.example.com/");
    // A share needs a release beside the active one.
    await world.ok(["deployment", "update", "web", "--env", "SHARED=1", "--wait", "-q"]);
    const weights = ["route", "weights", "web.apps.example.com", "active=90", "1=10", "--wait", "-q"];
    expect(await world.ok(weights)).toContain("1:10%");
    expect(await world.ok(["route", "weights", "web.apps.example.com", "--wait", "-q"])).not.toContain("%");
    expect(await world.fails(["route", "weights", "web.apps.example.com", "half=50"], 2)).toContain("RELEASE=PERCENT");
    await world.ok(["deployment", "create", "green", "--image", image, "--wait", "-q"]);
    const swapped = await world.json<{ deployment: string }[]>(["deployment", "swap", "web", "green", "--wait"]);
    const green = await world.json(["deployment", "get", "green"]);
    expect(swapped.map(({ deployment }) => deployment)).toEqual([green.uuid, green.uuid]);
    expect(await world.fails(["route", "delete", "shop.example.com/cart"], 2)).toContain("Add --yes");
    await world.ok(["route", "delete", "shop.example.com/cart", "--yes", "--wait", "-q"]);
    expect(await world.ok(["route", "list", "--deployment", "green", "-o", "name"])).toBe("web.apps.example.com\n");
    await world.ok(["deployment", "delete", "green", "--yes", "--wait", "-q"]);
  });
});
