import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CliWorld, openCliWorld, prepareTarget, timeout } from "./support.js";

let world: CliWorld;
beforeAll(async () => {
  world = await openCliWorld({ hostWorkloads: true });
  await prepareTarget(world);
}, timeout);
afterAll(() => world.close());

/** Looks until a command prints what is waited for. */
const becomes = (args: readonly string[], pattern: RegExp) =>
  expect.poll(() => world.ok(args), { timeout: 60_000, interval: 500 }).toMatch(pattern);

describe("slipway environment", { timeout }, () => {
  it("makes, changes and deletes environments", async () => {
    const made = await world.json(["environment", "create", "prod", "--allow", "target=here", "--label", "a=1"]);
    const target = await world.json<{ uuid: string }>(["target", "get", "here"]);
    expect(made).toMatchObject({ constraints: [{ field: "CONSTRAINT_FIELD_TARGET", values: [target.uuid] }] });
    const labels = ["--label", "b=2", "--remove-label", "a"];
    const changed = await world.json(["environment", "update", "prod", "--description", "live", ...labels]);
    expect(changed).toMatchObject({ description: "live", labels: { b: "2" }, version: "2" });
    const stale = ["environment", "update", "prod", "--name", "live", "--expected-version", "1"];
    expect(await world.fails(stale, 6)).not.toBe("");
    expect(await world.ok(["environment", "list", "--label", "b=2", "-o", "name"])).toBe("prod\n");
    expect(await world.fails(["environment", "create", "Not A Name"], 11)).toContain("<name> (name)");
    expect(await world.fails(["environment", "create", "x", "--allow", "colour=red"], 2)).toContain("FIELD=VALUE");
    await world.ok(["environment", "delete", "prod", "--yes"]);
  });
});

describe("slipway target and namespace", { timeout }, () => {
  it("show targets and what is on them", async () => {
    await becomes(["target", "get", "here"], /CONNECTED +HEALTHY/);
    expect(await world.json<object[]>(["target", "nodes", "here"])).not.toHaveLength(0);
    await becomes(["namespace", "list"], /^shop +ACTIVE +no/m);
    expect(await world.fails(["target", "delete", "here", "--yes"], 7)).toContain("shop");
    expect(await world.fails(["target", "create", "two"], 2)).toContain("--cluster NAME or --kubeconfig FILE");
    expect(await world.fails(["target", "create", "two", "--kubeconfig", "no-such-file"], 1)).toContain("no-such-file");
  });

  it("never repeat a kubeconfig", async () => {
    const bad = await world.file("bad.yaml", "apiVersion: v1\nusers: [{name: a, user: {token: hidden-token}}]\n");
    expect(await world.fails(["target", "create", "two", "--kubeconfig", bad], 11)).not.toContain("hidden-token");
    const printed = await world.ok(["target", "get", "here", "-o", "json"]);
    expect(printed).not.toMatch(/certificate-authority-data|client-key|"kubeconfig"/);
  });

  it("make another namespace and delete it", async () => {
    const made = await world.json<{ uuid: string }>([
      "namespace",
      "create",
      "extra",
      "--target",
      "here",
      "--label",
      "a=1",
    ]);
    expect(await world.json(["namespace", "update", "extra", "--label", "b=2"])).toMatchObject({
      uuid: made.uuid,
      labels: { a: "1", b: "2" },
    });
    await world.ok(["namespace", "delete", "extra", "--yes"]);
    await expect.poll(() => world.ok(["namespace", "list", "-o", "name"]), { timeout: 60_000 }).toBe("shop\n");
  });

  it("print what a foreign cluster needs", async () => {
    const { stdout, stderr, code } = await world.run(["target", "join-config"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kind: ServiceAccount$/m);
    expect(stderr).toContain("kubectl");
  });
});

describe("slipway secret", { timeout }, () => {
  it("takes values from standard input and files, and shows them on demand alone", async () => {
    const made = await world.run(["secret", "set", "db", "--stdin", "password", "-v"], { input: "hush-1\n" });
    expect(made).toMatchObject({ code: 0 });
    expect(made.stdout + made.stderr).not.toContain("hush");
    expect(await world.ok(["secret", "list"])).toMatch(/^db +OPAQUE +1 +password/m);
    const file = await world.file("password", "hush-2");
    const changed = ["secret", "set", "db", "--from-file", `password=${file}`, "--description", "the database"];
    expect(await world.json(changed)).toMatchObject({ version: "2", description: "the database" });
    expect(await world.ok(["secret", "reveal", "db", "--key", "password"])).toBe("hush-2");
    expect(await world.ok(["secret", "reveal", "db", "--key", "password", "--version-number", "1"])).toBe("hush-1");
    expect(await world.ok(["secret", "get", "db", "-o", "yaml"])).not.toContain("hush");
    await world.fails(["secret", "reveal", "db"], 4, "viewer");
    const stale = ["secret", "set", "db", "--from-file", `password=${file}`, "--expected-version", "1"];
    expect(await world.fails(stale, 6)).not.toContain("hush");
  });

  it("warns of values among the arguments, and repeats none", async () => {
    const warned = await world.run(["secret", "set", "loud", "key=hush-3"]);
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining("warning: values among the arguments") });
    expect(warned.stdout + warned.stderr).not.toContain("hush-3");
    expect(await world.fails(["secret", "set", "loud", "hush-4"], 2)).not.toContain("hush-4");
    expect(await world.fails(["secret", "set", "empty"], 2)).toContain("--from-file");
    const env = await world.file("values.env", "# comment\nA=1\nB='two words'\n");
    await world.ok(["secret", "set", "loud", "--from-env-file", env]);
    expect(await world.ok(["secret", "reveal", "loud"])).toMatch(/^A +1\nB +two words$/m);
    await world.ok(["secret", "delete", "loud", "--yes"]);
  });
});

describe("slipway volume-claim and quota", { timeout }, () => {
  it("claim storage", async () => {
    const made = await world.json(["volume-claim", "create", "data", "--size", "1Gi", "--label", "a=1"]);
    expect(made).toMatchObject({ name: "data", size: "1Gi", labels: { a: "1" } });
    expect(await world.ok(["volume-claim", "list", "--namespace", "shop", "-o", "name"])).toBe("data\n");
    expect(await world.json(["volume-claim", "update", "data", "--label", "b=2"])).toMatchObject({
      labels: { a: "1", b: "2" },
    });
    expect(await world.fails(["volume-claim", "create", "more", "--size", "much"], 11)).toContain("--size (size)");
    await world.ok(["volume-claim", "delete", "data", "--yes"]);
  });

  it("limit deployments", async () => {
    expect(await world.json(["quota", "set", "--deployments", "20"])).toMatchObject({ deploymentsLimit: "20" });
    expect(await world.ok(["quota", "get"])).toMatch(/^0 +20 +/m);
    expect(await world.json(["quota", "set", "--environment", "staging", "--units", "none"])).toMatchObject({
      unitsLimit: "-1",
    });
    expect(await world.fails(["quota", "set", "--deployments", "many"], 2)).toContain("whole number, or none");
  });
});
