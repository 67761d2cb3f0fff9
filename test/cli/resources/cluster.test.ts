import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliWorld, openCliWorld, timeout } from "./support.js";

let world: CliWorld;
beforeAll(async () => {
  world = await openCliWorld({ timeScale: 20 });
  await world.ok([
    "cluster",
    "create",
    "first",
    "--workers",
    "name=default,machine-type=n1-medium-x86,min=1,max=2",
    "--wait",
    "-q",
  ]);
}, timeout);
afterAll(() => world?.close());

interface Shown {
  readonly workers: readonly { readonly name: string; readonly minsize: number; readonly maxsize: number }[];
  readonly maintenance: { readonly kubernetesAutoupdate: boolean; readonly timeWindow: Record<string, string> };
  readonly status: { readonly type: string; readonly state: string };
}
const shown = () => world.json<Shown>(["cluster", "get", "first"]);

describe("slipway cluster", () => {
  it("changes what is named, and leaves the rest", { timeout }, async () => {
    const change = ["--workers", "name=default,max=4", "--workers", "name=more", "--maintenance", "02:30+90m"];
    await world.ok(["cluster", "update", "first", ...change, "--no-autoupdate-kubernetes", "--wait", "-q"]);
    const { workers, maintenance, status } = await shown();
    expect(workers).toMatchObject([
      { name: "default", minsize: 1, maxsize: 4 },
      { name: "more", minsize: 1 },
    ]);
    expect(maintenance).toMatchObject({ timeWindow: { duration: "5400s" } });
    expect(maintenance.kubernetesAutoupdate ?? false).toBe(false);
    expect(maintenance.timeWindow.begin).toContain("T02:30:00Z");
    expect(status).toMatchObject({ type: "Reconcile", state: "Succeeded" });
  });

  it("says which flag is wrong, and what can change", { timeout }, async () => {
    expect(await world.fails(["cluster", "update", "first"], 2)).toContain("nothing is to change");
    expect(await world.fails(["cluster", "update", "first", "--workers", "max=4"], 2)).toContain("name=NAME");
    expect(await world.fails(["cluster", "update", "first", "--maintenance", "25:00+1h"], 2)).toContain("HH:MM+LENGTH");
    const short = await world.fails(["cluster", "update", "first", "--maintenance", "22:00+30m"], 11);
    expect(short).toContain("--maintenance");
    expect(await world.fails(["cluster", "operate", "first", "explode"], 2)).toContain("reconcile, maintain, retry");
    expect(await world.fails(["cluster", "operate", "first", "retry"], 7)).toContain("Failed");
    expect(await world.fails(["cluster", "operate", "first", "reconcile"], 4, "viewer")).not.toBe("");
  });

  it("reconciles, and is watched meanwhile, a cluster that comes later as well", { timeout }, async () => {
    const all = world.start(["cluster", "watch", "-o", "json"]);
    const one = world.start(["cluster", "watch", "first", "-o", "name"]);
    await Promise.all([all.printed(/"name":\s*"first"/), one.printed(/first/)]);
    await world.ok(["cluster", "operate", "first", "reconcile", "--wait", "-q"]);
    await world.ok(["cluster", "create", "second"]);
    await all.printed(/"name":\s*"second"/);
    for (const { child } of [all, one]) child.kill("SIGINT");
    const [everything, alone] = await Promise.all([all.outcome, one.outcome]);
    expect(alone.stdout).not.toContain("second");
    expect(everything.stdout).toMatch(/"type":\s*"Reconcile"/);
  });
});
