import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeClient } from "../../../../src/kube/client.js";
import { deployments as deploymentRows } from "../../../../src/resources/deploy/deployment/table.js";
import { workloadDeployments } from "../../../../src/resources/deploy/engine/kinds.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import type { DeploymentRow } from "../../../../src/resources/deploy/task/work.js";
import { sendJson, sendStatus } from "../../../kube/stub-server.js";
import { startPlatform, type TestPlatform } from "../../../support/platform.js";
import { image, release } from "../engine/releases.js";
import { openTargetProxy, type TargetProxy, type TargetRequest } from "../target/target-proxy.js";
import { directly, startObserver, targetsOf } from "../target/targets.js";
import { type Place, quickPace, type Runtimes, runtimesOf, startRuntime } from "./runtimes.js";

let platform: TestPlatform;
let proxy: TargetProxy;
let kube: KubeClient;
let runtimes: Runtimes;
let targets: ReturnType<typeof targetsOf>;
let place: Place;
let row: DeploymentRow;
let stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  platform = await startPlatform({ background: false, hostWorkloads: true });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
});
beforeEach(async () => {
  const tenant = await platform.newTenant();
  runtimes = runtimesOf(platform, tenant, kube);
  targets = targetsOf(platform, tenant);
  const { uuid } = await targets.foreign(proxy.kubeconfig());
  place = await runtimes.place(uuid);
  row = await runtimes.insert(place);
  await runtimes.apply(row, place);
});
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  stops = [];
  proxy.leave();
  // Those of one test are none of the next one's business.
  const { db } = platform.platform;
  for (const table of [deploymentRows, targetNamespaces, targetRows]) await db.delete(table);
});
afterAll(async () => {
  kube?.close();
  await proxy?.close();
  await platform?.close();
});

/** Observes targets, too; or else takes that of the test for connected. */
const startBoth = (): void => {
  stops = [startObserver(platform), startRuntime(platform)];
};
const start = async (pace = quickPace): Promise<void> => {
  await platform.platform.db.update(targetRows).set({ connection: "connected" });
  stops = [startRuntime(platform, pace)];
};
const isWatch = ({ path }: TargetRequest, of = ""): boolean => path.includes("watch=true") && path.includes(of);
const isList = ({ path }: TargetRequest, of: string): boolean => path.includes(of) && path.includes("limit=");
const remove = () => kube.delete(workloadDeployments, { name: `${row.objectName}-web`, namespace: place.name });
const scale = (replicas: number) =>
  kube.mergePatch(
    workloadDeployments,
    { name: `${row.objectName}-web`, namespace: place.name },
    { spec: { replicas } },
  );

// Looks at a target are the rarer the longer they take.
describe("a target that is away", { timeout: 180_000 }, () => {
  it("leaves its deployments unknown, with the reason, and tells all anew when it is back", async () => {
    startBoth();
    const before = await runtimes.until(row.id, { health: "healthy" });
    const other = await runtimes.insert(place);
    await runtimes.until(other.id, { healthMessage: "nothing of it is applied yet" });
    proxy.meddle((_, response) => Boolean(response.destroy()));
    for (const id of [row.id, other.id]) {
      await runtimes.until(id, { health: "unknown", healthMessage: expect.stringMatching(/cannot be reached: .+/) });
    }
    // What was last seen of it stays to be read.
    expect(await runtimes.row(row.id)).toMatchObject({ observed: before.observed });
    await remove();
    proxy.leave();
    await runtimes.until(row.id, { health: "unhealthy", observed: {} });
    await runtimes.apply(row, place);
    await runtimes.until(row.id, { health: "healthy" });
  });

  it("is told of deployments that are made meanwhile, and of one that was never reached", async () => {
    proxy.meddle((_, response) => Boolean(response.destroy()));
    startBoth();
    await runtimes.until(row.id, { health: "unknown", healthMessage: expect.stringContaining("cannot be reached") });
    const later = await runtimes.insert(place);
    await runtimes.until(later.id, { healthMessage: expect.stringContaining("cannot be reached") });
    proxy.leave();
    await runtimes.until(row.id, { health: "healthy" });
  });
});

describe("an API server with faults", () => {
  it("is followed although its watches break again and again", async () => {
    const cut = (response: ServerResponse) => setTimeout(() => response.destroy(), 400);
    proxy.meddle((request, response) => {
      if (isWatch(request)) cut(response);
      return false;
    });
    await start();
    await runtimes.until(row.id, { health: "healthy" });
    for (const replicas of [3, 2, 1]) {
      await scale(replicas);
      await runtimes.until(row.id, { observed: { web: { current: replicas, ready: replicas, message: "" } } });
    }
  });

  it("is listed again when it has forgotten where a watch was", async () => {
    let forgotten = 0;
    const gone = { kind: "Status", status: "Failure", code: 410, reason: "Expired", message: "too old" };
    proxy.meddle((request, response) => {
      if (!isWatch(request) || forgotten >= 30) return false;
      forgotten += 1;
      if (forgotten % 2 === 0) sendStatus(response, 410, "Expired");
      else response.end(`${JSON.stringify({ type: "ERROR", object: gone })}\n`);
      return true;
    });
    await start();
    await runtimes.until(row.id, { health: "healthy" });
    await scale(2);
    await runtimes.until(row.id, { observed: { web: { current: 2, ready: 2, message: "" } } });
    expect(forgotten).toBeGreaterThan(10);
    await remove();
    await runtimes.until(row.id, { health: "unhealthy" });
  });

  it("leaves deployments unknown while it shows no pods, and those alone that need what it does not show", async () => {
    proxy.meddle((request, response) => {
      if (!isList(request, "/pods")) return false;
      sendStatus(response, 403, "Forbidden");
      return true;
    });
    await start();
    const message = /^pods of the target cannot be read: .*\(403\): see GetJoinConfig/;
    await runtimes.until(row.id, { health: "unknown", healthMessage: expect.stringMatching(message) });
    proxy.meddle((request, response) => {
      if (!isList(request, "/ingresses")) return false;
      sendStatus(response, 403, "Forbidden");
      return true;
    });
    await runtimes.until(row.id, { health: "healthy" });
  });

  it("cannot make up a list", async () => {
    const lists = [
      { items: [null, 1, { metadata: null }, { metadata: { name: 1 } }], metadata: { resourceVersion: "1" } },
      { items: "none", metadata: { resourceVersion: "1" } },
      { kind: "Status" },
    ];
    let asked = 0;
    proxy.meddle((request, response) => {
      if (!isList(request, "/deployments")) return false;
      asked += 1;
      sendJson(response, 200, lists[asked % lists.length]);
      return true;
    });
    await start();
    await runtimes.until(row.id, { health: "unknown", healthMessage: expect.stringContaining("cannot be read") });
    proxy.leave();
    await runtimes.until(row.id, { health: "healthy" });
  });

  it("has more objects than are kept, which is said instead of taking them for missing", async () => {
    const crowd = await runtimes.insert(place);
    await runtimes.apply(crowd, place, release({ source: image() }));
    await start({ ...quickPace, budget: { items: 1, bytes: 1024 * 1024 } });
    const some = async () =>
      [await runtimes.row(row.id), await runtimes.row(crowd.id)].map(({ healthMessage }) => healthMessage);
    await expect
      .poll(some, { timeout: 30_000 })
      .toContainEqual(expect.stringContaining("more objects than are followed"));
  });
});

describe("another process that takes over", () => {
  it("sees what has changed meanwhile, and writes nothing that is known", async () => {
    await start();
    const { revision } = await runtimes.until(row.id, { health: "healthy" });
    await Promise.all(stops.map((stop) => stop()));
    const other = await runtimes.insert(place);
    await runtimes.apply(other, place);
    await start();
    await runtimes.until(other.id, { health: "healthy" });
    expect(await runtimes.row(row.id)).toMatchObject({ revision });
    await Promise.all(stops.map((stop) => stop()));
    await remove();
    await start();
    await runtimes.until(row.id, { health: "unhealthy" });
  });
});
