import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestTenant } from "../../support/platform.js";
import { type CliWorld, openCliWorld, timeout } from "./support.js";

let world: CliWorld;
let other: TestTenant;
beforeAll(async () => {
  world = await openCliWorld({ background: false });
  other = await world.platform.newTenant();
}, timeout);
afterAll(() => world.close());

const asOther = (args: readonly string[], input = "") =>
  world.program.run(args, { env: { ...world.envOf("owner"), SLIPWAY_TOKEN: other.tokens.owner }, input });

describe("slipway project", { timeout }, () => {
  it("makes, changes, finds by name and deletes projects", async () => {
    const { tenant } = world.platform;
    const made = await world.json<{ uuid: string }>(["project", "create", "shop", "--description", "the shop"]);
    expect(made).toMatchObject({ name: "shop", tenant, description: "the shop" });
    expect(await world.json(["project", "get", "shop"])).toEqual(made);
    expect(await world.json(["project", "get", `${tenant}/shop`])).toEqual(made);
    expect(await world.ok(["project", "list", "-o", "name"])).toBe(`${tenant}/default\n${tenant}/shop\n`);
    expect(await world.json(["project", "update", "shop", "--name", "store"])).toMatchObject({ name: "store" });
    expect(await world.fails(["project", "get", "stoer"], 5)).toContain("Did you mean store?");
    expect(await world.fails(["project", "update", "store"], 2)).toContain("nothing to change");
    expect(await world.fails(["project", "delete", "store"], 2)).toContain("Add --yes");
    await world.ok(["project", "delete", "store", "--yes"]);
    // Who has no role there learns nothing, whether it is there or not.
    await world.fails(["project", "get", made.uuid], 4);
    await world.fails(["project", "create", "x", "--tenant", other.tenant], 4);
  });

  it("is remembered by the context in use", async () => {
    expect(await world.fails(["project", "use", "default"], 2)).toContain("no context is in use");
    const args = ["context", "add", "here", "--url", world.platform.url, "--token-stdin"];
    expect((await world.program.run(args, { input: world.platform.tokens.owner })).code).toBe(0);
    expect(await world.program.run(["ip", "list"])).toMatchObject({ code: 2, stdout: "" });
    const used = await world.program.run(["project", "use", `${world.platform.tenant}/default`]);
    expect(used).toMatchObject({ code: 0, stderr: expect.stringContaining("in context here") });
    expect((await world.program.run(["ip", "list"])).code).toBe(0);
    const shown = JSON.parse((await world.program.run(["context", "show", "-o", "json"])).stdout);
    expect(shown).toMatchObject([{ project: world.platform.project }]);
  });
});

describe("slipway tenant", { timeout }, () => {
  it("makes, changes and deletes tenants", async () => {
    const made = await world.json(["tenant", "create", "acme", "--name", "Acme", "--email", "it@acme.example"]);
    expect(made).toMatchObject({ login: "acme", name: "Acme", email: "it@acme.example" });
    expect(await world.json(["tenant", "update", "acme", "--accept-terms"])).toMatchObject({
      termsAndConditions: { accepted: true },
    });
    expect((await world.ok(["tenant", "list", "-o", "name"])).split("\n")).toContain("acme");
    expect(await world.json(["tenant", "get"])).toMatchObject({ login: world.platform.tenant });
    expect(await world.fails(["tenant", "create", "Not A Login"], 11)).toMatch(/<login> \(tenant\.login\): |tenant/);
    await world.fails(["tenant", "get", other.tenant], 4);
  });
});

describe("slipway invite and member", { timeout }, () => {
  it("bring others into a project, with another role, and out of it", async () => {
    const secret = (await world.ok(["invite", "create", "--role", "viewer", "-o", "name"])).trim();
    expect(await world.json<object[]>(["invite", "list"])).toMatchObject([{ secret, role: "PROJECT_ROLE_VIEWER" }]);
    expect(await asOther(["invite", "get", secret])).toMatchObject({ code: 0 });
    expect(await asOther(["invite", "accept"], `${secret}\n`)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("you are a member"),
    });
    expect((await asOther(["invite", "accept", secret])).code).toBe(5);
    expect(await world.json(["member", "set", other.tenant, "editor"])).toMatchObject({ role: "PROJECT_ROLE_EDITOR" });
    expect(await world.ok(["member", "list"])).toMatch(new RegExp(`^${other.tenant} +editor +no`, "m"));
    expect(await world.fails(["member", "set", other.tenant, "guest"], 2)).toContain("owner, editor, viewer");
    expect(await world.fails(["member", "remove", other.tenant], 2)).toContain("Add --yes");
    await world.ok(["member", "remove", other.tenant, "--yes"]);
    expect(await world.ok(["member", "list", "-o", "name"])).not.toContain(other.tenant);
  });

  it("do so for a tenant", async () => {
    const { tenant } = world.platform;
    const place = ["--tenant", tenant];
    const secret = (await world.ok(["invite", "create", "--role", "guest", "-o", "name", ...place])).trim();
    expect((await asOther(["invite", "accept", secret, "--tenant"])).code).toBe(0);
    expect(await world.ok(["member", "list", ...place])).toMatch(new RegExp(`^${other.tenant} +guest`, "m"));
    await world.ok(["member", "remove", other.tenant, "--yes", ...place]);
    const unused = (await world.ok(["invite", "create", "--role", "viewer", "-o", "name", ...place])).trim();
    await world.ok(["invite", "delete", unused, "--yes", ...place]);
    expect(await world.json(["invite", "list", ...place])).toEqual([]);
    expect(await world.fails(["invite", "create", "--role", "king"], 2)).toContain("Allowed choices");
  });
});

describe("slipway token", { timeout }, () => {
  it("prints a secret once, alone on stdout", async () => {
    const order = [
      "token",
      "create",
      "ci",
      "--project-role",
      `${world.platform.tenant}/default=viewer`,
      "--expires",
      "1h",
    ];
    const { stdout, stderr, code } = await world.run([...order, "-v"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const secret = stdout.trim();
    expect(stderr).toContain("shown only now");
    expect(stderr).not.toContain(secret.slice(0, 40));
    const env = { ...world.envOf("owner"), SLIPWAY_TOKEN: secret };
    expect((await world.program.run(["ip", "list"], { env })).code).toBe(0);
    expect((await world.program.run(["ip", "allocate", "shop"], { env })).code).toBe(4);
    for (const format of ["table", "wide", "json", "yaml"]) {
      expect(await world.ok(["token", "list", "-o", format])).not.toContain(secret.slice(-20));
    }
    const listed = await world.json(["token", "get", "ci"]);
    expect(listed).toMatchObject({
      description: "ci",
      projectRoles: { [world.platform.project]: "PROJECT_ROLE_VIEWER" },
    });
    await world.ok(["token", "revoke", "ci", "--yes"]);
    expect((await world.program.run(["ip", "list"], { env })).code).toBe(3);
  });

  it("has the secret in JSON, and grants what is asked for", async () => {
    const permission = "*=api.v1.IPService/List,/api.v1.IPService/Get";
    const order = ["token", "create", "probe", "--role", "*=viewer", "--permission", permission];
    const made = await world.json<{ secret: string; token: { uuid: string } }>(order);
    expect(made.secret.split(".")).toHaveLength(3);
    expect(made.token).toMatchObject({
      roles: [{ subject: "*", role: "viewer" }],
      permissions: [{ subject: "*", methods: ["/api.v1.IPService/Get", "/api.v1.IPService/List"] }],
    });
    const changed = await world.json(["token", "update", "probe", "--description", "checks"]);
    expect(changed).toMatchObject({ description: "checks", permissions: [{ subject: "*" }] });
    expect(changed).not.toHaveProperty("secret");
    expect(await world.ok(["token", "methods"])).toContain("/api.v1.IPService/List\n");
  });

  it("says what is wrong with an order", async () => {
    expect(await world.fails(["token", "create", "x1", "--expires", "1s"], 11)).toContain("--expires (expires)");
    expect(await world.fails(["token", "create", "x1", "--permission", "nothing"], 2)).toContain("SUBJECT=METHOD");
    expect(
      await world.fails(["token", "create", "x1", "--project-role", `${world.platform.project}=king`], 2),
    ).toContain("no role");
    expect(await world.fails(["token", "create", "x1", "--project-role", "nowhere=owner"], 5)).toContain("no project");
    expect(await world.fails(["token", "revoke", "none-such", "--yes"], 5)).toContain("slipway token list");
    await world.fails(["token", "create", "x1", "--role", `${other.tenant}=owner`], 4);
  });
});
