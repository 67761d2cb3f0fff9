import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { RouteState } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import type { TestPlatform, TestTenant } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { targetsOf } from "../target/targets.js";
import { chart, deploymentsOf, type Home, homeOn, objectsOf, openSite } from "../works/site.js";
import { goalOf, ingressesOf, router, routesOf, web } from "./routes.js";

const { ACTIVE, FAILED } = RouteState;

let platform: TestPlatform;
let close: () => Promise<void>;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let routes: ReturnType<typeof routesOf>;
/** A chart that runs: its Service is called as it is, and has the port `http`, which is 80. */
let shop: { uuid: string; objectName: string };
beforeAll(async () => {
  ({ platform, close } = await openSite());
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, platform.kube.kubeconfig);
  await targetsOf(platform, tenant).update(home.target, { routers: { routers: [router()] } });
  all = await deploymentsOf(platform, tenant);
  routes = routesOf(platform, tenant);
  shop = await all.create(home, { source: chart("demo-web") });
  await vi.waitFor(async () => expect((await all.row(shop.uuid)).activeRelease).toBe(1), { timeout: 60_000 });
});
afterAll(() => close?.());

async function installed() {
  const { task, ...deployment } = await all.create(home, { source: chart("demo-web") });
  await all.done(task);
  return deployment;
}

it("a hostname leads to a Service of the chart: to its first port, or to the one that is named", async () => {
  const { objectName: service } = shop;
  for (const [port, goal] of [
    ["", 80],
    ["http", "http"],
    ["80", 80],
  ] as const) {
    const { uuid, task } = await routes.create(shop.uuid, { service, port });
    await all.done(task);
    expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE, service, process: "" });
    expect(goalOf(ingressesOf(platform.kube, uuid)[0])).toBe(`${home.name}/${service}:${goal}`);
  }
});

it("what the chart has not is refused, or said by the task, and can be put right", async () => {
  const refused = (order: object) => refusal(routes.create(shop.uuid, order));
  expect(await refused({})).toMatchObject({ code: "InvalidArgument", fields: ["service"] });
  expect(await refused({ process: "web" })).toMatchObject({ code: "InvalidArgument", fields: ["process"] });
  expect(await refused({ process: "web", service: "a" })).toMatchObject({ code: "InvalidArgument" });
  const { uuid, task } = await routes.create(shop.uuid, { service: "nobody" });
  const failed = await all.end(task);
  expect([failed.state, failed.message]).toEqual([TaskState.FAILED, expect.stringContaining("no Service nobody")]);
  expect(await routes.get(uuid)).toMatchObject({ state: FAILED, message: "the namespace has no Service nobody" });
  await all.done((await routes.delete(uuid)).task);
  const { uuid: image, task: made } = await all.create(home, { processes: web });
  await all.done(made);
  const forImage = await refusal(routes.create(image, { service: shop.objectName }));
  expect(forImage).toMatchObject({ code: "InvalidArgument", fields: ["service"] });
});

it("requests of a chart are not divided", async () => {
  const { uuid, task } = await routes.create(shop.uuid, { service: shop.objectName });
  await all.done(task);
  const { project, owner } = all;
  const change = { project, deployment: shop.uuid, source: chart("demo-web", { values: { replicas: 2 } }) };
  await all.done((await all.client.update(change, owner)).task);
  expect(await refusal(routes.traffic(uuid, { 0: 50, 1: 50 }))).toMatchObject({
    code: "FailedPrecondition",
    message: "releases of charts cannot run side by side",
  });
});

it("two charts exchange routes whose Services both have, and they go with their deployment", async () => {
  const [one, two] = [await installed(), await installed()];
  const shared = { metadata: { name: "front", namespace: home.name }, spec: { ports: [{ name: "http", port: 8000 }] } };
  await platform.kube.embedded.store.create({ group: "", resource: "services" }, shared);
  const { uuid, task } = await routes.create(one.uuid, { service: "front" });
  await all.done(task);
  const swapped = await routes.swap(one.uuid, two.uuid);
  for (const each of swapped.tasks) await all.done(each);
  expect(await routes.get(uuid)).toMatchObject({ deployment: two.uuid, state: ACTIVE });
  expect(ingressesOf(platform.kube, uuid)[0]?.metadata.labels).toMatchObject({ "slipway.dev/deployment": two.uuid });
  await all.done((await all.client.delete({ project: all.project, deployment: two.uuid }, all.owner)).task);
  await vi.waitFor(() => expect(ingressesOf(platform.kube, uuid)).toEqual([]), { timeout: 20_000 });
  expect(objectsOf(platform.kube, two.uuid)).toEqual([]);
});
