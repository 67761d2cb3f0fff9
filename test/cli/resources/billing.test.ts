import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueInvoices } from "../../../src/resources/billing/invoice/issue.js";
import { billing, day, makeCustomer, month, setMetered, spend } from "../../resources/billing/invoice/books.js";
import { type CliWorld, openCliWorld, timeout } from "./support.js";

let world: CliWorld;
beforeAll(async () => {
  world = await openCliWorld({ background: false });
  const { tenant, platform } = world.platform;
  await makeCustomer(platform.db, tenant);
  await spend(platform.db, [{ tenant, period: month(0), cents: 1_000n }]);
  await setMetered(platform.db, month(1));
  await issueInvoices({ ...platform, clock: () => day(1, 2) }, billing, { limit: 100 });
}, timeout);
afterAll(() => world.close());

describe("slipway payment", { timeout }, () => {
  it("shows and changes how a tenant pays", async () => {
    const { tenant } = world.platform;
    const address = ["--line1", "Street 1", "--postal-code", "80331", "--city", "Munich", "--country", "DE"];
    const changed = await world.json(["payment", "set", "--name", "Acme Ltd", "--accept-terms", ...address]);
    expect(changed).toMatchObject({ login: tenant, name: "Acme Ltd", address: { city: "Munich", country: "DE" } });
    expect(await world.ok(["payment", "show"])).toMatch(new RegExp(`^${tenant} +Acme Ltd`, "m"));
    expect(await world.ok(["payment", "show", "--tenant", tenant, "-o", "name"])).toBe(`${changed.customerId}\n`);
    expect(await world.ok(["payment", "methods"])).toMatch(/^(yes|no) +(yes|no) +(yes|no)$/m);
    expect(await world.ok(["payment", "admission"])).toMatch(/^yes +no$/m);
    expect(await world.json(["payment", "balance"])).toMatchObject([{ tenant, balance: expect.any(String) }]);
    expect(await world.json(["payment", "discounts"])).toEqual([]);
    expect(await world.fails(["payment", "remove-method"], 2)).toContain("Add --yes");
    await world.fails(["payment", "show"], 4, "viewer");
    await world.fails(["payment", "show", "--tenant", "nobody"], 4);
  });

  it("tells which flag is wrong", async () => {
    expect(await world.fails(["payment", "set", "--name", "n".repeat(500)], 11)).toContain("--name (name)");
  });

  it("needs a project or --tenant", async () => {
    const env = { SLIPWAY_URL: world.platform.url, SLIPWAY_TOKEN: world.platform.tokens.owner };
    const outcome = await world.program.run(["payment", "show"], { env });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining("--tenant LOGIN") });
  });
});

describe("slipway usage and invoice", { timeout }, () => {
  it("tell what was used", async () => {
    const of = month(0).toISOString().slice(0, 7);
    const { stdout, stderr } = await world.run(["usage", "get", "--month", of]);
    expect(stdout).toMatch(/^shop .*10\.00 EUR$/m);
    expect(stderr).toContain("10.00 EUR in all");
    expect(await world.json(["usage", "forecast"])).toMatchObject({ currency: "eur" });
    expect(await world.fails(["usage", "get", "--month", "May"], 2)).toContain("2026-05-01");
    await world.fails(["usage", "get"], 4, "viewer");
  });

  it("list, show and download invoices", async () => {
    const [listed] = await world.json<{ number: string; uuid: string }[]>(["invoice", "list"]);
    const { number = "", uuid = "" } = listed ?? {};
    expect(await world.ok(["invoice", "list"])).toMatch(new RegExp(`^${number} .*11\\.90 EUR +11\\.90 EUR`, "m"));
    expect(await world.json(["invoice", "get", number])).toMatchObject({ uuid, lines: [{ description: "Worker" }] });
    const download = await world.run(["invoice", "download", number, "--file", "it.pdf"]);
    expect(download).toMatchObject({ code: 0, stdout: "", stderr: "wrote it.pdf\n" });
    expect((await readFile(join(world.program.home, "it.pdf"))).subarray(0, 5).toString()).toBe("%PDF-");
    expect(await world.ok(["invoice", "download", uuid, "--file", "-"])).toMatch(/^%PDF-/);
    expect(await world.fails(["invoice", "get", "none"], 5)).toContain("slipway invoice list");
    await world.fails(["invoice", "list"], 4, "editor");
  });
});

describe("slipway audit", { timeout }, () => {
  it("tells who did what", async () => {
    await world.ok(["environment", "create", "audited"]);
    const { tenant, project } = world.platform;
    const method = ["--method", "/deploy.v1.EnvironmentService/Create"];
    const list = ["audit", "list", "--from", "1h", "--user", tenant, "--phase", "response", ...method];
    const [trace] = await world.json<{ uuid: string }[]>(list);
    expect(trace).toMatchObject({ user: tenant, method: "/deploy.v1.EnvironmentService/Create", resultCode: 0 });
    expect(await world.json(["audit", "list", "--project", project, ...method, "--limit", "1"])).toHaveLength(1);
    const uuid = trace?.uuid ?? "";
    expect(await world.json(["audit", "get", uuid, "--phase", "response"])).toMatchObject({ uuid });
    expect(await world.json(["audit", "list", "--result-code", "13"])).toEqual([]);
    expect(await world.fails(["audit", "list", "--limit", "0"], 2)).toContain("whole number");
    await world.fails(["audit", "list"], 4, "viewer");
  });
});
