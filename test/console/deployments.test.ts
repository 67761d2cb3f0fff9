import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLogBuffer, mostLines } from "../../console/src/pages/deployments/logs/log-buffer.js";
import { DeploymentService } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService, NamespaceState } from "../../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState, TargetService } from "../../gen/ts/deploy/v1/target_pb.js";
import { type RunningApi, serveApi } from "../../src/commands/api.js";
import { as } from "../support/platform.js";
import { needs } from "../support/tools.js";
import { type ConsoleSite, openConsole, screenshot, type Visit, violationsOf } from "./support/browser.js";

const slow = 30_000;
const waiting = { timeout: slow, interval: 100 };

describe("lines of logs over lost connections", () => {
  const line = (seconds: number, text: string, instance = "web-1") =>
    ({ time: { seconds: BigInt(seconds), nanos: 0 }, instance, process: "web", text, dropped: 0n }) as never;
  const texts = ({ lines }: ReturnType<typeof createLogBuffer>) => lines().map(({ text }) => text);

  it("are there once, though the next connection brings them again", () => {
    const buffer = createLogBuffer();
    buffer.add(1, [line(1, "a"), line(2, "b"), line(2, "b"), line(3, "c")]);
    buffer.add(2, [line(2, "b"), line(2, "b")]);
    buffer.add(2, [line(2, "b", "web-2"), line(3, "c"), line(4, "d")]);
    expect(texts(buffer)).toEqual(["a", "b", "b", "c", "b", "d"]);
    buffer.add(3, [line(4, "d"), line(4, "d")]);
    expect(texts(buffer)).toEqual(["a", "b", "b", "c", "b", "d", "d"]);
  });

  it("go when there are too many, and do not come back", () => {
    const buffer = createLogBuffer(3);
    buffer.add(
      1,
      [1, 2, 3, 4, 5].map((second) => line(second, String(second))),
    );
    expect(texts(buffer)).toEqual(["3", "4", "5"]);
    buffer.add(
      2,
      [2, 3, 4, 5, 6].map((second) => line(second, String(second))),
    );
    expect(texts(buffer)).toEqual(["4", "5", "6"]);
    expect(mostLines).toBe(10_000);
  });

  it("tell how many were left out", () => {
    const buffer = createLogBuffer();
    buffer.add(1, [{ ...(line(1, "a") as object), dropped: 7n } as never]);
    expect(texts(buffer)).toEqual(["… 7 lines were not read in time …", "a"]);
  });
});

describe.skipIf(!needs("chromium"))("deployments in the console", { timeout: 180_000 }, () => {
  let site: ConsoleSite;
  let visit: Visit;
  let page: Page;
  let base: string;
  let again: RunningApi | undefined;
  beforeAll(async () => {
    site = await openConsole({ hostWorkloads: true });
    base = `/projects/${site.platform.project}`;
    visit = await site.visitSignedIn(`${base}/deployments`);
    page = visit.page;
    page.setDefaultTimeout(slow);
  }, 300_000);
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await screenshot(page, "deployments-failed");
  });
  afterAll(async () => {
    await again?.stop();
    await site?.close();
  });

  const tab = (name: string) => page.getByRole("tab", { name, exact: true }).click();
  const panel = (): Locator => page.getByRole("tabpanel");
  const seen = (locator: Locator) => locator.first().waitFor({ timeout: slow });

  /** No violations of axe in either theme, and nothing that the browser complains about. */
  async function isClean(name: string): Promise<void> {
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await expect.poll(() => page.locator("html").getAttribute("data-mantine-color-scheme"), waiting).toBe(scheme);
      await screenshot(page, `${name}-${scheme}`);
      expect(await violationsOf(page), `${name}, ${scheme}`).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
    expect(visit.errors).toEqual([]);
  }

  /** An environment, a target and a namespace there, once they are ready. */
  async function settle(): Promise<void> {
    const { platform } = site;
    const { project, tokens, kube } = platform;
    const owner = as(tokens.owner);
    await platform.client(EnvironmentService).create({ project, name: "staging", isDefault: true }, owner);
    const targets = platform.client(TargetService);
    const routers = [{ name: "public", ingressClass: "nginx", domain: "apps.example.com", isDefault: true }];
    const source = { case: "kubeconfig", value: kube.kubeconfig } as const;
    const made = await targets.create({ project, name: "here", source, routers }, owner);
    const target = made.target?.uuid ?? "";
    await expect
      .poll(async () => (await targets.get({ project, uuid: target }, owner)).target?.connection, waiting)
      .toBe(ConnectionState.CONNECTED);
    const namespaces = platform.client(NamespaceService);
    const { namespace } = await namespaces.create({ project, target, name: "shop" }, owner);
    const uuid = namespace?.uuid ?? "";
    await expect
      .poll(async () => (await namespaces.get({ project, uuid }, owner)).namespace?.state, waiting)
      .toBe(NamespaceState.ACTIVE);
  }

  it("say what to do first where there is nothing", async () => {
    await seen(page.getByText("Step 1 of 3"));
    await isClean("deployments-empty");
    await page.getByRole("link", { name: "Create an environment" }).click();
    await seen(page.getByRole("heading", { name: "New environment" }));
    await page.getByLabel("Name", { exact: true }).fill("Not A Name");
    await page.getByRole("button", { name: "Create environment" }).click();
    await expect
      .poll(() => page.getByLabel("Name", { exact: true }).getAttribute("aria-invalid"), waiting)
      .toBe("true");
    await isClean("environment-new");
    await page.goto(`${base}/deployments/new`);
    await seen(page.getByRole("link", { name: "Create an environment" }));
  });

  it("are made by a form, and become healthy before one's eyes", async () => {
    await settle();
    await page.goto(`${base}/deployments/new`);
    await page.getByLabel("Name", { exact: true }).first().fill("web");
    await page.getByRole("textbox", { name: "Image" }).fill("registry.example/shop:1");
    await page.getByRole("button", { name: "Check without deploying" }).click();
    await seen(page.getByText("It would be accepted"));
    await isClean("deployment-new");
    await page.getByRole("button", { name: "Deploy", exact: true }).click();
    await seen(page.getByRole("heading", { name: "web", exact: true }));
    await seen(page.getByText("Healthy", { exact: true }));
    await seen(page.getByRole("cell", { name: "Ready", exact: true }));
    await seen(page.getByText("1 of 1"));
    await isClean("deployment-overview");
    await page.getByRole("link", { name: "Deployments" }).first().click();
    const row = page.getByRole("row", { name: /web/ });
    await seen(row.getByText("Healthy"));
    await seen(row.getByText("1/1"));
    await seen(row.getByText("staging"));
    await isClean("deployments-list");
    await row.getByRole("link", { name: "web" }).click();
  });

  it("are scaled, live", async () => {
    await page.getByRole("button", { name: "Scale web, now 1" }).click();
    await page.getByLabel("Replicas of web").fill("2");
    await page.getByRole("button", { name: "Scale", exact: true }).click();
    await seen(page.getByText("2 of 2"));
    await expect.poll(() => page.getByRole("button", { name: /^Evict / }).count(), waiting).toBe(2);
  });

  it("get another release by another configuration, and the task is followed", async () => {
    await tab("Config");
    await page.getByRole("button", { name: "Add a variable" }).click();
    await page.getByLabel("Name of the new variable").fill("not valid");
    await page.getByLabel("Value of not valid").fill("hello");
    await page.getByRole("button", { name: "Save and release" }).click();
    await seen(panel().getByText(/must match|does not match|pattern/));
    await page.getByLabel("Name of the new variable").fill("GREETING");
    await page.getByRole("button", { name: "Add a variable" }).click();
    await page.getByLabel("Name of the new variable").last().fill("PASSWORD");
    await page.getByLabel("New variable PASSWORD").getByRole("switch").check();
    await page.getByLabel("Value of PASSWORD").and(page.locator("input")).fill("swordfish");
    await page.getByRole("button", { name: "Save and release" }).click();
    await seen(panel().getByRole("list", { name: "Steps" }).getByText("workloads"));
    await seen(panel().getByText("Succeeded", { exact: true }));
    expect(await panel().getByRole("progressbar").getAttribute("aria-valuenow")).toBe("100");
    await seen(panel().getByLabel("Value of GREETING"));
    expect(await panel().getByLabel("Value of PASSWORD").and(page.locator("input")).inputValue()).toBe("");
    expect(await page.content()).not.toContain("swordfish");
    await isClean("deployment-config");
    await tab("Releases");
    await seen(panel().getByRole("row", { name: /2 Active/ }));
    await seen(panel().getByRole("row", { name: /1 Superseded/ }));
    await isClean("deployment-releases");
    await panel().getByRole("button", { name: "Compare", exact: true }).click();
    await seen(page.getByRole("rowheader", { name: "variable GREETING" }));
    await isClean("deployment-compare");
    await page.getByRole("button", { name: "Close" }).click();
  });

  it("show their logs as they come", async () => {
    await tab("Logs");
    const lines = panel().getByLabel("Log lines");
    await seen(lines.locator("time"));
    await seen(panel().getByText("Live", { exact: true }));
    const count = async () => Number((await panel().getByRole("status").textContent())?.split(" ")[0]);
    const before = await count();
    expect(before).toBeGreaterThan(0);
    await restart();
    await expect.poll(count, waiting).toBeGreaterThan(before);
    await isClean("deployment-logs");
    await panel().getByRole("button", { name: "Pause" }).click();
    await restart();
    await seen(panel().getByRole("button", { name: /Go on \([1-9]/ }));
    await panel().getByRole("button", { name: /Go on/ }).click();
    await panel().getByLabel("Search in the lines").fill("nothing has this");
    await seen(panel().getByText("Nothing has “nothing has this” in it."));
    await panel().getByLabel("Search in the lines").fill("");
  });

  it("go on with their logs after the server was away, without doubles", async () => {
    const { platform } = site;
    const { port } = new URL(platform.url);
    const live = panel().getByText("Live", { exact: true });
    const before = await linesNow();
    await platform.api.stop();
    await seen(panel().getByText("Reconnecting"));
    again = await serveApi(platform.open, platform.database.server, platform.config, {
      host: "127.0.0.1",
      port: Number(port),
    });
    await seen(live);
    await restart();
    await expect.poll(async () => (await linesNow()).length, waiting).toBeGreaterThan(before.length);
    const after = await linesNow();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(new Set(after).size).toBe(after.length);
    // The browser complains of each call that found nobody.
    expect(visit.errors.filter((error) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)|502|503/.test(error))).toEqual([]);
    visit.errors.length = 0;
  });

  it("let one in by a shell, and out again", async () => {
    await tab("Shell");
    await panel().getByRole("button", { name: "Open a shell" }).click();
    await seen(panel().getByText(/^Open in /));
    const instance =
      (
        await panel()
          .getByText(/^Open in /)
          .textContent()
      )?.replace("Open in ", "") ?? "";
    const screen = panel().locator(".xterm-rows");
    await page.keyboard.type("hostname\n");
    await expect.poll(async () => (await screen.textContent())?.includes(instance), waiting).toBe(true);
    await page.keyboard.type("printenv GREETING\n");
    await expect.poll(async () => (await screen.textContent())?.includes("hello"), waiting).toBe(true);
    await isClean("deployment-shell");
    await page.keyboard.press("Control+F6");
    expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("Close the shell");
    // It goes on while one is elsewhere.
    await tab("Tasks");
    await tab("Shell");
    await seen(panel().getByText(/^Open in /));
    await panel().locator(".xterm").click();
    await page.keyboard.type("exit\n");
    await seen(panel().getByText("Ended with 0"));
    await isClean("deployment-shell-ended");
  });

  it("have hostnames", async () => {
    await tab("Routes");
    await panel().getByRole("button", { name: "Add a hostname" }).click();
    await panel().getByLabel("Hostname", { exact: true }).fill("shop.example.com");
    await panel().getByRole("button", { name: "Add the hostname" }).click();
    await seen(
      panel()
        .getByRole("row", { name: /shop\.example\.com/ })
        .getByText("Active", { exact: true }),
    );
    await isClean("deployment-routes");
  });

  it("go back to an earlier release, after a question", async () => {
    await tab("Releases");
    await panel().getByRole("button", { name: "Actions of release 1" }).click();
    await page.getByRole("menuitem", { name: "Roll back to it…" }).click();
    await seen(page.getByRole("dialog").getByText(/A new release is made of release 1/));
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await seen(panel().getByText("Succeeded", { exact: true }));
    await isClean("deployment-tasks");
    await tab("Releases");
    const row = panel().getByRole("row", { name: /3 Active/ });
    await seen(row);
    await seen(row.getByText("Rollback to 1"));
    await tab("Config");
    await seen(panel().getByText("No variables."));
  });

  it("show what a change would do before it is made", async () => {
    await page.getByRole("link", { name: "Change" }).click();
    await page.getByRole("textbox", { name: "Image" }).fill("registry.example/shop:2");
    await page.getByRole("button", { name: "Preview the changes" }).click();
    await seen(page.getByText(/Deployment web-web/));
    await seen(page.getByText("Changed", { exact: true }));
    await isClean("deployment-change");
    await page.getByRole("button", { name: "Save changes" }).click();
    await seen(panel().getByText("Succeeded", { exact: true }));
  });

  it("are deleted by their name", async () => {
    await page.getByRole("button", { name: "Actions of web" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByRole("button", { name: "Delete" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Type web to go on").fill("web");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await seen(page.getByText("This deployment is deleted."));
    await page.goto(`${base}/deployments`);
    await seen(page.getByText("No deployments yet."));
    expect(visit.errors).toEqual([]);
  });

  it("have environments and targets that are made, changed and deleted", async () => {
    await page.goto(`${base}/environments/new`);
    await page.getByLabel("Name", { exact: true }).first().fill("production");
    await page.getByRole("button", { name: "Create environment" }).click();
    await page.getByRole("grid", { name: "Environments" }).getByRole("link", { name: "production" }).click();
    await page.getByLabel("Description").fill("What customers use");
    await page.getByRole("button", { name: "Save changes" }).click();
    await seen(page.getByRole("row", { name: /production/ }).getByText("What customers use"));
    await isClean("environments");
    await page.getByRole("button", { name: "Actions of production" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByLabel("Type production to go on").fill("production");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect.poll(() => page.getByRole("row", { name: /production/ }).count(), waiting).toBe(0);

    await page.goto(`${base}/targets/new`);
    await page.getByText("Another cluster, by kubeconfig").click();
    await page.getByLabel("Name", { exact: true }).first().fill("there");
    await page.getByRole("button", { name: "Create target" }).click();
    await seen(page.getByText("Paste the kubeconfig of the cluster, or take it from a file."));
    await page.getByRole("textbox", { name: "Kubeconfig" }).fill(site.platform.kube.kubeconfig);
    await isClean("target-new");
    await page.getByRole("button", { name: "Create target" }).click();
    await seen(page.getByRole("heading", { name: "there" }));
    await seen(page.getByText("Connected", { exact: true }));
    await page.getByRole("button", { name: "Register a namespace" }).click();
    await page.getByLabel("Name", { exact: true }).first().fill("other");
    await page.getByRole("button", { name: "Register", exact: true }).click();
    await seen(page.getByRole("row", { name: /other/ }).getByText("Active", { exact: true }));
    await seen(page.getByRole("row", { name: /host-0/ }));
    await isClean("target-detail");
    await page.getByRole("link", { name: "Targets" }).first().click();
    await seen(page.getByRole("row", { name: /here/ }));
    await isClean("targets");
  });

  it("fit on a phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(`${base}/deployments/new`);
    await seen(page.getByRole("textbox", { name: "Image" }));
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(360);
    await screenshot(page, "deployment-new-phone");
    expect(visit.errors).toEqual([]);
  });

  /** The lines of the log in the document, each with its time and instance. */
  async function linesNow(): Promise<string[]> {
    return await panel().getByLabel("Log lines").locator("time").locator("xpath=..").allTextContents();
  }

  /** Its pods are made anew, each of which writes lines when it starts. */
  async function restart(): Promise<void> {
    const { platform } = site;
    const { project, tokens } = platform;
    const client = platform.client(DeploymentService);
    const { deployments } = await client.list({ project }, as(tokens.owner));
    await client.restart({ project, deployment: deployments[0]?.uuid ?? "" }, as(tokens.owner));
  }
});
