import { Code, ConnectError } from "@connectrpc/connect";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuditService } from "../../gen/ts/api/v1/audit_pb.js";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { IPService, IPType } from "../../gen/ts/api/v1/ip_pb.js";
import { VolumeService } from "../../gen/ts/api/v1/volume_pb.js";
import { NoticeService } from "../../gen/ts/infra/v1/notice_pb.js";
import { MessageService } from "../../gen/ts/status/v1/message_pb.js";
import { as } from "../support/platform.js";
import { needs } from "../support/tools.js";
import {
  type ConsoleSite,
  openConsole,
  password,
  screenshot,
  setPassword,
  signIn,
  violationsOf,
  waitUntil,
} from "./support/browser.js";
import { monthFromNow, seedBooks, seedCluster, seedStorage, useAddress } from "./support/seed-pages.js";

describe.skipIf(!needs("chromium"))("the pages of the console", () => {
  let site: ConsoleSite;
  let base: string;
  let cluster: string;
  let invoice: string;
  beforeAll(async () => {
    site = await openConsole({ background: false });
    base = `/projects/${site.platform.project}`;
    cluster = await seedCluster(site.platform);
    await seedStorage(site.platform, cluster);
    ({ invoice } = await seedBooks(site.platform));
  }, 300_000);
  afterAll(() => site?.close());

  const pages = () => [
    { name: "volumes", path: `${base}/volumes`, text: "cache" },
    { name: "snapshots", path: `${base}/snapshots`, text: "nightly" },
    { name: "addresses", path: `${base}/addresses`, text: "No addresses yet" },
    { name: "address-new", path: `${base}/addresses/new`, text: "It stays until you release it" },
    { name: "members", path: `${base}/members`, text: "(you)" },
    { name: "members-tenant", path: `${base}/members?tab=tenant`, text: "(you)" },
    { name: "members-invitations", path: `${base}/members?tab=invitations`, text: "No open invitations" },
    { name: "tokens", path: `${base}/tokens`, text: "made by a test" },
    { name: "token-new", path: `${base}/tokens/new`, text: "VolumeClaim" },
    { name: "usage", path: `${base}/usage`, text: "By resource" },
    { name: "invoices", path: `${base}/invoices`, text: "Overdue" },
    { name: "invoice", path: `${base}/invoices/${invoice}`, text: "Worker" },
    { name: "audit", path: `${base}/audit`, text: "Ended with" },
    { name: "status", path: "/status", text: "Kubernetes clusters" },
  ];

  it.each(["light", "dark"] as const)(
    "open without errors and are accessible, %s",
    { timeout: 300_000 },
    async (colorScheme) => {
      const { page, errors } = await site.visitSignedIn(`${base}/volumes`, { colorScheme });
      for (const { name, path, text } of pages()) {
        await page.goto(path);
        await page.getByText(text).first().waitFor();
        await settled(page);
        await screenshot(page, `page-${name}-${colorScheme}`);
        expect([name, await violationsOf(page)]).toEqual([name, []]);
      }
      expect(errors.filter((line) => !isNoBudget(line))).toEqual([]);
    },
  );

  it("fit on a phone", { timeout: 300_000 }, async () => {
    const { page } = await site.visitSignedIn(`${base}/volumes`, { viewport: { width: 360, height: 740 } });
    for (const { name, path, text } of pages()) {
      await page.goto(path);
      await page.getByText(text).first().waitFor({ state: "attached" });
      await settled(page);
      await screenshot(page, `page-${name}-narrow`);
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      expect([name, wide]).toEqual([name, 0]);
    }
  });

  it("show what a volume is attached to, and why it cannot be deleted", async () => {
    const { platform } = site;
    const { page } = await site.visitSignedIn(`${base}/volumes`);
    const row = page.getByRole("row").filter({ hasText: "data" });
    await row.getByRole("link", { name: "data" }).click();
    const drawer = page.getByRole("dialog", { name: "data" });
    await drawer.getByText("shop-group-0-7x2").waitFor();
    await drawer.getByText("team: shop").waitFor();
    await drawer.getByRole("button", { name: "Edit" }).click();
    expect(await drawer.getByLabel("Key").count()).toBe(1);
    await settled(page);
    await screenshot(page, "page-volume-drawer");
    expect(await violationsOf(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden" });
    await row.getByRole("button", { name: "Actions of data" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete volume data" });
    expect(await dialog.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Type data to go on").fill("data");
    await dialog.getByRole("button", { name: "Delete" }).click();
    // Its cluster is only a row: what the API says of that stands in the dialog.
    const alert = dialog.getByRole("alert");
    await alert.waitFor();
    const { project, tokens } = platform;
    const { volumes } = await platform.client(VolumeService).list({ project, name: "data" }, as(tokens.owner));
    const refused = await platform
      .client(VolumeService)
      .delete({ project, uuid: volumes[0]!.uuid }, as(tokens.owner))
      .catch(ConnectError.from);
    expect(refused).toBeInstanceOf(ConnectError);
    expect((await alert.innerText()).toLowerCase()).toContain((refused as ConnectError).rawMessage.toLowerCase());
  });

  it("allocate an address by the form, make it static, change it, and tell why it is not released", async () => {
    const { platform } = site;
    const { project, tokens } = platform;
    const { page } = await site.visitSignedIn(`${base}/addresses`);
    await page.getByRole("link", { name: "Allocate the first address" }).click();
    await page.getByLabel("Name").fill("f");
    await page.getByText("must be at least 2 characters").waitFor();
    await page.getByLabel("Name").fill("front");
    await page.getByLabel("Tags").and(page.locator("input")).fill("team=shop");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Allocate", exact: true }).click();
    await page.waitForURL(`**${base}/addresses`);
    const row = page.getByRole("row").filter({ hasText: "front" });
    await row.getByText("Ephemeral").waitFor();
    await row.getByRole("button", { name: /^Actions of 198\.51\.100\./ }).click();
    await page.getByRole("menuitem", { name: "Make static…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make static" }).click();
    await row.getByText("Static").waitFor();
    await row.getByRole("link").click();
    await page.getByLabel("Description").fill("of the shop");
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.waitForURL(`**${base}/addresses`);
    const { ips } = await platform.client(IPService).list({ project }, as(tokens.owner));
    expect(ips).toMatchObject([
      { name: "front", description: "of the shop", tags: ["team=shop"], type: IPType.IP_TYPE_STATIC },
    ]);
    await useAddress(platform, ips[0]!.uuid, cluster);
    await row.getByRole("button", { name: /^Actions of/ }).click();
    await page.getByRole("menuitem", { name: "Release…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Type front to go on").fill("front");
    await dialog.getByRole("button", { name: "Release" }).click();
    await dialog.getByText(/is in use by a Service: delete that first/).waitFor();
    await screenshot(page, "page-address-in-use");
  });

  it("make a token by the matrix, which may do just that", async () => {
    const { platform } = site;
    const { project } = platform;
    const { page } = await site.visitSignedIn(`${base}/tokens/new`);
    await page.getByLabel("Description").fill("nightly report");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByText("The token could do nothing yet").waitFor();
    await page.getByLabel("Find services and methods").fill("api.v1.VolumeService");
    const all = page.getByLabel(/^All of Volume on /);
    await all.check();
    await page.getByLabel(/^Volume\.Delete on /).uncheck();
    expect(await all.evaluate((box) => (box as unknown as { indeterminate: boolean }).indeterminate)).toBe(true);
    await screenshot(page, "page-token-matrix");
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("tab", { name: /^Roles/ }).click();
    await page.getByLabel("Role on All that I have").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await screenshot(page, "page-token-roles");
    await page.getByRole("button", { name: "Make the token" }).click();
    const secret = await page.locator("pre").innerText();
    await screenshot(page, "page-token-secret");
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.waitForURL(`**${base}/tokens`);
    const volumes = platform.client(VolumeService);
    expect((await volumes.list({ project }, as(secret))).volumes.length).toBeGreaterThan(0);
    const uuid = "00000000-0000-4000-8000-000000000001";
    expect(await codeOf(volumes.delete({ project, uuid }, as(secret)))).toBe(Code.PermissionDenied);
    expect(await codeOf(platform.client(ClusterService).list({ project }, as(secret)))).toBe(Code.PermissionDenied);

    const row = page.getByRole("row").filter({ hasText: "nightly report" });
    await row.getByText("Valid").waitFor();
    await row.getByRole("link", { name: "nightly report" }).click();
    await page.getByLabel("Find services and methods").fill("ClusterService/List");
    await page.getByLabel(/^Cluster\.List on /).check();
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.waitForURL(`**${base}/tokens`);
    expect(await codeOf(platform.client(ClusterService).list({ project }, as(secret)))).toBeUndefined();
    expect(await codeOf(volumes.list({ project }, as(secret)))).toBeUndefined();
    await row.getByRole("button", { name: "Actions of nightly report" }).click();
    await page.getByRole("menuitem", { name: "Revoke…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await row.waitFor({ state: "detached" });
    await expect
      .poll(() => codeOf(volumes.list({ project }, as(secret))), { timeout: 30_000 })
      .toBe(Code.Unauthenticated);
  });

  it("invite a colleague, who joins by the link and gets another role", async () => {
    const { platform } = site;
    const colleague = await platform.newTenant();
    await setPassword(platform, colleague.tenant);
    const { page } = await site.visitSignedIn(`${base}/members`);
    await page.getByRole("button", { name: "Invite" }).click();
    const dialog = page.getByRole("dialog", { name: "Invite somebody" });
    await dialog.getByLabel("Editor").check();
    await settled(page);
    await screenshot(page, "page-invite");
    await dialog.getByRole("button", { name: "Make the link" }).click();
    const link = await dialog.locator("pre").innerText();
    expect(link).toContain(`${platform.url}/invite/`);
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("tab", { name: "Invitations" }).click();
    await page.getByRole("row").filter({ hasText: "The project" }).getByText("Editor").waitFor();

    const { page: theirs } = await site.visit();
    await theirs.goto(new URL(link).pathname);
    await signIn(theirs, { username: colleague.tenant, password });
    await theirs.getByText("You are invited to join").waitFor();
    await theirs.getByText("Editor").waitFor();
    await settled(theirs);
    await screenshot(theirs, "page-invitation");
    expect(await violationsOf(theirs)).toEqual([]);
    await theirs.getByRole("button", { name: "Join" }).click();
    await theirs.waitForURL(`**${base}/clusters`);
    await theirs.getByRole("heading", { name: "Clusters" }).waitFor();

    await page.getByRole("tab", { name: "Project" }).click();
    await page.reload();
    const row = page.getByRole("row").filter({ hasText: colleague.tenant });
    await row.getByText("Editor").waitFor();
    await row.getByRole("button", { name: `Actions of ${colleague.tenant}` }).click();
    await page.getByRole("menuitem", { name: "Make viewer" }).click();
    await row.getByText("Viewer").waitFor();
    await row.getByRole("button", { name: `Actions of ${colleague.tenant}` }).click();
    await page.getByRole("menuitem", { name: "Remove…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
    await theirs.goto(new URL(link).pathname);
    await theirs.getByText("This invitation cannot be used").waitFor();
  });

  it("read an invoice of a past month, to the cent, and download its PDF", async () => {
    const { page, errors } = await site.visitSignedIn(`${base}/invoices`);
    const month = monthFromNow(-2).toLocaleString("en", { month: "long", year: "numeric", timeZone: "UTC" });
    await page.getByRole("link", { name: month }).click();
    await page.getByRole("heading", { name: month }).waitFor();
    await page.getByText("€1,234.56").first().waitFor();
    // 1,234.56 and 19 % of it.
    await page.getByText("€1,469.13").first().waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download PDF" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^invoice-\d{4}-00001\.pdf$/);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).subarray(0, 5).toString()).toBe("%PDF-");
    expect(errors).toEqual([]);
  });

  it("tell what was used in a month, and keep a budget", async () => {
    const { page, errors } = await site.visitSignedIn(`${base}/usage`);
    await page
      .getByRole("table", { name: /^Cost by project and product/ })
      .getByText("€42.17")
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Set a budget" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Amount in EUR").fill("84.345");
    await dialog.getByRole("button", { name: "Set the budget" }).click();
    await dialog.getByText("must be an amount above 0, such as 250.00").waitFor();
    await dialog.getByLabel("Amount in EUR").fill("84.34");
    await dialog.getByRole("button", { name: "Set the budget" }).click();
    await page.getByText("€42.17 of €84.34").waitFor();
    await page.getByRole("button", { name: "The month before" }).click();
    await page.getByText("Nothing was used in this month").waitFor();
    expect(errors.filter((line) => !isNoBudget(line))).toEqual([]);
  });

  it("find in the audit log what was done, and show it as it was asked", async () => {
    const { page } = await site.visitSignedIn(`${base}/audit`);
    await page.getByLabel("Method", { exact: true }).and(page.locator("input:visible")).fill("IPService/Allocate");
    await page.getByRole("option", { name: "api.v1.IPService/Allocate" }).click();
    await page.getByLabel("Phase").and(page.locator("input:visible")).click();
    await page.getByRole("option", { name: "Request" }).click();
    const row = page.getByRole("row").filter({ hasText: "api.v1.IPService/Allocate" });
    await waitUntil(page, "document.querySelectorAll('[role=row][data-key]').length > 0");
    await row.first().getByRole("link").click();
    const drawer = page.getByRole("dialog");
    await drawer.locator("pre").getByText('"name": "front"').waitFor();
    await drawer.getByText(site.platform.tenant).first().waitFor();
    await settled(page);
    await screenshot(page, "page-audit-drawer");
    expect(await violationsOf(page)).toEqual([]);
  });

  it("pages through the audit log without a record missing or there twice", { timeout: 240_000 }, async () => {
    const { platform } = site;
    const { project, tokens } = platform;
    const ips = platform.client(IPService);
    const uuid = "00000000-0000-4000-8000-000000000002";
    // Refused calls are recorded, too: two records for each.
    await Promise.all(
      Array.from({ length: 250 }, () => ips.delete({ project, uuid }, as(tokens.owner)).catch(() => undefined)),
    );
    const asked = {
      login: platform.tenant,
      method: "/api.v1.IPService/Delete",
      resultCode: Code.NotFound,
      limit: 1_000,
    };
    const written = async () => (await platform.client(AuditService).list(asked, as(tokens.owner))).traces.length;
    await expect.poll(written, { timeout: 60_000 }).toBe(250);
    const { page } = await site.visitSignedIn(`${base}/audit`);
    await page.getByLabel("Method", { exact: true }).and(page.locator("input:visible")).fill("IPService/Delete");
    await page.getByRole("option", { name: "api.v1.IPService/Delete" }).click();
    await page.getByLabel("Ended with").and(page.locator("input:visible")).click();
    await page.getByRole("option", { name: "Not Found" }).click();
    const count = page.getByRole("grid", { name: "Records" });
    await expect.poll(() => count.getAttribute("aria-rowcount"), { timeout: 60_000 }).toBe("201");
    await page.getByRole("button", { name: "Load older" }).click();
    await expect.poll(() => count.getAttribute("aria-rowcount"), { timeout: 60_000 }).toBe("251");
    expect(await page.getByRole("button", { name: "Load older" }).isDisabled()).toBe(true);
  });

  it("show the status to who is not signed in, live", async () => {
    const { page, errors } = await site.visit();
    await page.goto("/status");
    await page.getByText("The network of eqx-mu4 is slow.").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/status");
    const { platform } = site;
    const { pinnedItems } = await platform.client(MessageService).list({});
    const answer = { id: pinnedItems[0]!.id, text: "A cable is replaced." };
    await platform.client(NoticeService).resolve(answer, as(platform.adminToken));
    await page.getByText("A cable is replaced.").waitFor();
    await settled(page);
    await screenshot(page, "page-status-public");
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.waitForURL("**/sign-in");
    expect(errors).toEqual([]);
  });
});

// A budget that there is none of is told by NOT_FOUND, which browsers write down as an error.
const isNoBudget = (line: string): boolean => /status of 404 .*BudgetService\/Get/.test(line);

/** What appears has appeared: a color on its way is no color to judge. */
async function settled(page: Page): Promise<void> {
  await waitUntil(
    page,
    "document.getAnimations().every((each) => each.playState !== 'running' || each.effect.getTiming().iterations === Infinity)",
  );
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  return await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );
}
