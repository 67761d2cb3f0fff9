import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { as } from "../support/platform.js";
import { needs } from "../support/tools.js";
import { type ConsoleSite, openConsole, screenshot, violationsOf, waitUntil } from "./support/browser.js";

describe.skipIf(!needs("chromium"))("clusters in the console", () => {
  let site: ConsoleSite;
  let clusters: string;
  beforeAll(async () => {
    // Slow enough that the way to readiness can be seen.
    site = await openConsole({ timeScale: 6 });
    clusters = `/projects/${site.platform.project}/clusters`;
  }, 180_000);
  afterAll(() => site?.close());

  it("creates one by the form, follows it to readiness without moving anything, and deletes it", async () => {
    const { page, errors } = await site.visitSignedIn(clusters);
    await countShifts(page);
    await page.getByText("No clusters yet").waitFor();
    await page.getByRole("link", { name: "New cluster" }).click();
    const name = page.getByLabel("Name").first();
    await name.fill("A");
    await page.getByText("must be at least 2 characters").waitFor();
    await name.fill("Not_a_name");
    await page.getByText(/must be a valid hostname/).waitFor();
    await page.getByLabel("Max. machines").fill("99");
    await page.getByText("must be less than or equal to 64").waitFor();
    await page.getByRole("button", { name: "Create cluster" }).click();
    await waitUntil(page, "document.activeElement.id === 'name'");
    await name.fill("first");
    await page.getByLabel("Max. machines").fill("2");
    await page.getByLabel("Min. machines").fill("3");
    await page.getByRole("button", { name: "Create cluster" }).click();
    // What only the server knows stands at its field, too.
    await page.getByText("must not be greater than maxsize").first().waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByLabel("Min. machines").fill("1");
    await page.getByRole("button", { name: "Create cluster" }).click();
    await page.waitForURL(/clusters\/[0-9a-f-]{36}$/);
    await page.getByRole("heading", { name: "first" }).waitFor();
    await page.getByText("Creating", { exact: true }).first().waitFor();
    await page.getByRole("link", { name: "Clusters" }).first().click();
    const row = page.getByRole("row").filter({ hasText: "first" });
    await row.getByText("Creating").waitFor();
    await startCounting(page);
    const seen = new Set<string>();
    const bar = row.getByRole("progressbar");
    for (;;) {
      const now = await bar.getAttribute("aria-valuenow", { timeout: 500 }).catch(() => null);
      if (now !== null) seen.add(now);
      if (await row.getByText("Ready").isVisible()) break;
      await page.waitForTimeout(100);
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(await shifts(page)).toBeLessThan(0.1);
    await row.getByRole("link", { name: "first" }).click();
    await page.getByText("APIServerAvailable").waitFor();
    await page.getByText("Healthy").first().waitFor();
    await screenshot(page, "cluster-ready-light");
    expect(await violationsOf(page)).toEqual([]);
    await kubeconfigIsDownloaded(page);
    await page.getByRole("button", { name: "Actions of first" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete cluster first" });
    expect(await dialog.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Type first to go on").fill("first");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(`**${clusters}`);
    await page.getByText("No clusters yet").waitFor();
    expect(errors.filter((line) => !line.includes("status of 400"))).toEqual([]);
  });

  it("changes only what was changed", async () => {
    const { platform } = site;
    const client = platform.client(ClusterService);
    const token = as(platform.tokens.owner);
    const { project } = platform;
    const { cluster } = await client.create({ project, name: "changing" }, token);
    const uuid = cluster!.uuid;
    const { page } = await site.visitSignedIn(`${clusters}/${uuid}/edit`);
    const most = page.getByLabel("Max. machines");
    await most.fill("5");
    // Meanwhile somebody else changes something else.
    await client.update({ project, uuid, maintenance: { kubernetesAutoupdate: false } }, token);
    await page.getByRole("button", { name: "Add a worker group" }).click();
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.waitForURL(`**${clusters}/${uuid}`);
    await page.getByRole("cell", { name: "group-1" }).waitFor();
    const after = (await client.get({ project, uuid }, token)).cluster!;
    expect(after.workers.map(({ name, maxsize }) => [name, maxsize])).toEqual([
      ["group-0", 5],
      ["group-1", 3],
    ]);
    expect(after.maintenance?.kubernetesAutoupdate).toBe(false);
    await client.delete({ project, uuid }, token);
    await page.getByText("Deleting").first().waitFor();
    await page.getByText("This cluster is deleted").waitFor();
  });

  it("shows a cluster that somebody else has ordered", async () => {
    const { platform } = site;
    const { page } = await site.visitSignedIn(clusters);
    await page.getByText("Live", { exact: true }).waitFor();
    await platform
      .client(ClusterService)
      .create({ project: platform.project, name: "surprise" }, as(platform.tokens.owner));
    await page.getByRole("link", { name: "surprise" }).waitFor();
    await page.getByRole("row").filter({ hasText: "surprise" }).getByText("Ready").waitFor();
  });
});

describe.skipIf(!needs("chromium"))("a thousand clusters in the console", () => {
  const count = 1_000;
  let site: ConsoleSite;
  let clusters: string;
  beforeAll(async () => {
    site = await openConsole({ background: false });
    const { client, project, tokens } = site.platform;
    clusters = `/projects/${project}/clusters`;
    const names = Array.from({ length: count }, (_, i) => `c-${String(i).padStart(4, "0")}`);
    const create = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop())
        await client(ClusterService).create({ project, name }, as(tokens.owner));
    };
    await Promise.all(Array.from({ length: 16 }, create));
  }, 300_000);
  afterAll(() => site?.close());

  it("has a window of rows in the document, and is used by keys", async () => {
    const { page, errors } = await site.visitSignedIn(clusters);
    const grid = page.getByRole("grid", { name: "Clusters" });
    const row = (name: string) => grid.getByRole("row").filter({ hasText: name });
    await row("c-0000").waitFor();
    expect(await grid.getAttribute("aria-rowcount")).toBe(String(count + 1));
    expect(await grid.getByRole("row").count()).toBeLessThan(60);
    await screenshot(page, "clusters-thousand-light");
    expect(await violationsOf(page)).toEqual([]);

    await row("c-0500").waitFor({ state: "detached" });
    await page.evaluate("document.querySelector('[role=rowgroup]').scrollTop = 500 * 40");
    await row("c-0500").waitFor();
    expect(await row("c-0500").getAttribute("aria-rowindex")).toBe("502");
    expect(await grid.getByRole("row").count()).toBeLessThan(60);

    await grid
      .getByRole("row")
      .filter({ hasText: "c-0505" })
      .click({ position: { x: 400, y: 5 }, modifiers: ["Alt"] });
    await page.goBack().catch(() => undefined);
    await page.goto(clusters);
    await row("c-0000").focus();
    await page.keyboard.press("ArrowDown");
    await focusIs(page, "c-0001");
    await page.keyboard.press("End");
    await focusIs(page, "c-0999");
    await page.keyboard.press("ArrowUp");
    await focusIs(page, "c-0998");
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Home");
    await focusIs(page, "c-0000");
    await page.keyboard.press("ArrowRight");
    await waitUntil(page, "document.activeElement.getAttribute('aria-label') === 'Actions of c-0000'");
    await page.keyboard.press("ArrowLeft");
    await focusIs(page, "c-0000");
    expect(await page.locator('[role=row][tabindex="0"]').count()).toBe(1);

    await grid.getByRole("button", { name: "Name" }).click();
    await row("c-0999").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("c-012");
    await page.getByText(`10 of ${count.toLocaleString("en")}`).waitFor();
    expect(await grid.getByRole("row").count()).toBe(11);
    await row("c-0123").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "c-0123" }).waitFor();
    expect(errors).toEqual([]);
  });
});

async function focusIs(page: Page, name: string): Promise<void> {
  await waitUntil(
    page,
    `document.activeElement.getAttribute("role") === "row" && document.activeElement.textContent.includes("${name}")`,
  );
}

/** Counts what moves without anybody having pressed a key or a button. */
async function countShifts(page: Page): Promise<void> {
  await page.evaluate(`new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted = (window.shifted ?? 0) + each.value;
  }).observe({ type: "layout-shift", buffered: true })`);
}

const startCounting = (page: Page): Promise<unknown> => page.evaluate("window.shifted = 0");
const shifts = (page: Page): Promise<number> => page.evaluate<number>("window.shifted");

async function kubeconfigIsDownloaded(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Kubeconfig" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "10 minutes" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("first.kubeconfig");
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toMatch(/client-certificate-data/);
}
