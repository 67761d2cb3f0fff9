import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RouteState } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import type { KubeObject } from "../../../../src/kube/embedded/types.js";
import { sendStatus } from "../../../kube/stub-server.js";
import type { TestPlatform, TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { namespacesOf } from "../namespace/namespaces.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { targetsOf } from "../target/targets.js";
import { deploymentsOf, type Home, homeOn, image, inventoryOf, objectsOf, openSite } from "../works/site.js";
import { goalOf, ingressesOf, newHostname, router, routesOf, web } from "./routes.js";

const { ACTIVE } = RouteState;
const weight = ({ metadata }: KubeObject) => metadata.annotations?.["nginx.ingress.kubernetes.io/canary-weight"];

let platform: TestPlatform;
let close: () => Promise<void>;
let proxy: TargetProxy;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let routes: ReturnType<typeof routesOf>;
beforeAll(async () => {
  ({ platform, close } = await openSite());
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  tenant = await platform.newTenant();
  home = await homeOn(platform, tenant, proxy.kubeconfig());
  await targetsOf(platform, tenant).update(home.target, {
    routers: { routers: [router(), router({ name: "other", ingressClass: "traefik", isDefault: false })] },
  });
  all = await deploymentsOf(platform, tenant);
  routes = routesOf(platform, tenant);
});
afterAll(async () => {
  await proxy?.close();
  await close?.();
});

/** A deployment that runs with a route; its active release is the number given. */
async function running({ release = 1, at = home, processes = web as object[] } = {}) {
  const { task, ...deployment } = await all.create(at, { processes });
  await all.done(task);
  for (let number = 2; number <= release; number += 1) await update(deployment.uuid, number);
  const { task: last, ...route } = await routes.create(deployment.uuid);
  await all.done(last);
  return { ...deployment, route: route.uuid, hostname: route.hostname };
}

async function update(deployment: string, number: number): Promise<void> {
  const { project, owner } = all;
  await all.done((await all.client.update({ project, deployment, source: image(`shop:${number}`) }, owner)).task);
}

describe("Traffic", () => {
  it("is divided with a release that was active, which runs as long as it has a share [tsuru.app-version-routable]", async () => {
    const { uuid, objectName, route } = await running({ release: 2 });
    const answer = await routes.traffic(route, { 0: 80, 1: 20 });
    expect(answer.route?.traffic).toMatchObject([
      { release: 2, percent: 80 },
      { release: 1, percent: 20 },
    ]);
    await all.done(answer.task);
    const [main, canary] = ingressesOf(platform.kube, route);
    expect(goalOf(main)).toBe(`${home.name}/${objectName}-web:8080`);
    expect(goalOf(canary)).toBe(`${home.name}/${objectName}-web-r1:8080`);
    expect(canary && weight(canary)).toBe("20");
    expect(objectsOf(platform.kube, uuid)).toContain(`deployments/${objectName}-web-r1`);
    expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
    await all.done((await routes.traffic(route, { 1: 100 })).task);
    expect(ingressesOf(platform.kube, route).map(weight)).toEqual([undefined, "100"]);
    await all.done((await routes.traffic(route, {})).task);
    expect((await routes.get(route)).traffic).toEqual([]);
    expect(ingressesOf(platform.kube, route)).toHaveLength(1);
    expect(objectsOf(platform.kube, uuid)).not.toContain(`deployments/${objectName}-web-r1`);
    expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  });

  it("goes all to another release that becomes active [tsuru.app-version-routable.alias]", async () => {
    const { uuid, objectName, route } = await running({ release: 2 });
    await all.done((await routes.traffic(route, { 2: 50, 1: 50 })).task);
    await update(uuid, 3);
    expect((await routes.get(route)).traffic).toEqual([]);
    expect(ingressesOf(platform.kube, route)).toHaveLength(1);
    expect(objectsOf(platform.kube, uuid)).not.toContain(`deployments/${objectName}-web-r1`);
    expect(objectsOf(platform.kube, uuid)).toEqual(inventoryOf(await all.row(uuid)));
  });

  it("is refused for releases that cannot take it, and by routers that cannot divide it", async () => {
    const { uuid, route } = await running({ release: 2 });
    for (const [shares, code] of [
      [{ 0: 90, 1: 20 }, "InvalidArgument"],
      [{ 0: 50, 2: 50 }, "InvalidArgument"],
      [{ 0: 50, 9: 50 }, "NotFound"],
    ] as const) {
      expect(await codeOf(routes.traffic(route, shares))).toBe(code);
    }
    expect(await codeOf(routes.traffic(route, { 0: 90, 1: 10 }, { expectedVersion: 9n }))).toBe("Aborted");
    const whenever = timestampFromDate(new Date());
    expect(await codeOf(routes.traffic(route, {}, { executeAt: whenever }))).toBe("InvalidArgument");
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    const other = await routes.create(uuid, { router: "other", options: { executeAt } });
    expect(await refusal(routes.traffic(other.uuid, { 0: 50, 1: 50 }))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("router other is of class traefik"),
    });
    const { project, owner } = all;
    const later = { project, deployment: uuid, source: image("shop:3"), options: { executeAt } };
    await all.client.update(later, owner);
    expect(await refusal(routes.traffic(route, { 0: 50, 3: 50 }))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("release 3 is pending"),
    });
    const ports = [{ name: "http", port: 9090 }];
    const processes = [{ name: "web", kind: ProcessKind.SERVICE, ports }];
    const moved = await all.client.update(
      { project, deployment: uuid, source: image("shop:4"), processes: { processes } },
      owner,
    );
    await all.done(moved.task);
    expect(await refusal(routes.traffic(route, { 0: 50, 1: 50 }))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("port 9090"),
    });
  });
});

describe("Swap", () => {
  it("exchanges the routes of two deployments in one step, by one apply of each Ingress [tsuru.app-swap]", async () => {
    const [one, two] = [await running(), await running()];
    const uid = ingressesOf(platform.kube, one.route)[0]?.metadata.uid;
    const { routes: swapped, tasks } = await routes.swap(one.uuid, two.uuid);
    expect(swapped.map(({ uuid, deployment }) => [uuid, deployment])).toEqual(
      expect.arrayContaining([
        [one.route, two.uuid],
        [two.route, one.uuid],
      ]),
    );
    expect(tasks.map(({ deployment }) => deployment)).toEqual([one.uuid, two.uuid]);
    for (const task of tasks) await all.done(task);
    const [first] = ingressesOf(platform.kube, one.route);
    const [second] = ingressesOf(platform.kube, two.route);
    expect(goalOf(first)).toBe(`${home.name}/${two.objectName}-web:8080`);
    expect(goalOf(second)).toBe(`${home.name}/${one.objectName}-web:8080`);
    expect(first?.metadata.uid).toBe(uid);
    // What each has is what its inventory says, at the latest after its next task.
    for (const { uuid } of [one, two]) {
      await update(uuid, 2);
      expect(inventoryOf(await all.row(uuid))).toEqual(objectsOf(platform.kube, uuid));
    }
    await routes.until(one.route, { state: ACTIVE });
  });

  it("leads a hostname to another namespace, and is never without an Ingress", async () => {
    const namespaces = namespacesOf(platform, tenant);
    const far = await namespaces.create({ target: home.target });
    await namespaces.until(far.uuid, { message: "" });
    const away = { ...home, namespace: far.uuid, name: far.name };
    const [one, two] = [await running(), await running({ at: away })];
    const before = proxy.seen.length;
    const { tasks } = await routes.swap(two.uuid, one.uuid);
    for (const task of tasks) await all.done(task);
    const calls = proxy.seen.slice(before).map(({ method, path }) => `${method} ${path.replace(/\?.*/, "")}`);
    const ingress = (namespace: string) =>
      `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/route-${one.route}`;
    expect(calls).toContain(`DELETE ${ingress(home.name)}`);
    expect(calls.indexOf(`PATCH ${ingress(far.name)}`)).toBeGreaterThan(-1);
    expect(calls.indexOf(`PATCH ${ingress(far.name)}`)).toBeLessThan(calls.indexOf(`DELETE ${ingress(home.name)}`));
    expect(ingressesOf(platform.kube, one.route).map(goalOf)).toEqual([`${far.name}/${two.objectName}-web:8080`]);
    expect(ingressesOf(platform.kube, two.route).map(goalOf)).toEqual([`${home.name}/${one.objectName}-web:8080`]);
  });

  it("gives way to routers that take a hostname only once", async () => {
    const namespaces = namespacesOf(platform, tenant);
    const far = await namespaces.create({ target: home.target });
    await namespaces.until(far.uuid, { message: "" });
    const [one, two] = [await running(), await running({ at: { ...home, namespace: far.uuid, name: far.name } })];
    proxy.meddle(({ method, path }, response) => {
      const place = /namespaces\/([^/]+)\/ingresses\/route-([0-9a-f-]{36})\?/.exec(path);
      if (method !== "PATCH" || place === null) return false;
      const [, namespace, route = ""] = place;
      const isTaken = ingressesOf(platform.kube, route).some(({ metadata }) => metadata.namespace !== namespace);
      if (isTaken) sendStatus(response, 400, 'host "a" and path "/" is already defined in ingress x/y');
      return isTaken;
    });
    const { tasks } = await routes.swap(one.uuid, two.uuid);
    for (const task of tasks) await all.done(task);
    proxy.leave();
    expect(ingressesOf(platform.kube, one.route).map(goalOf)).toEqual([`${far.name}/${two.objectName}-web:8080`]);
  });

  it("is refused across targets, without the ports, and for what is not there", async () => {
    const [one, two] = [await running(), await running({ processes: [{ ...web[0], name: "api" }] })];
    const target = (await targetsOf(platform, tenant).foreign(platform.kube.kubeconfig)).uuid;
    const elsewhere = await homeOn(platform, tenant, platform.kube.kubeconfig);
    expect(target).not.toBe(elsewhere.target);
    await targetsOf(platform, tenant).update(elsewhere.target, { routers: { routers: [router()] } });
    const three = await running({ at: elsewhere });
    expect(await refusal(routes.swap(one.uuid, three.uuid))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("different targets"),
    });
    await all.done((await routes.create(two.uuid, { process: "api", hostname: newHostname() })).task);
    expect(await refusal(routes.swap(one.uuid, two.uuid))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("no process api"),
    });
    expect((await routes.get(one.route)).deployment).toBe(one.uuid);
    expect(await codeOf(routes.swap(one.uuid, one.uuid.toUpperCase()))).toBe("InvalidArgument");
    const stranger = routesOf(platform, await platform.newTenant());
    expect(await codeOf(stranger.swap(one.uuid, two.uuid))).toBe("NotFound");
    const bare = (await all.create(home, { processes: web })).uuid;
    await all.until(bare, { activeRelease: 1 });
    const other = (await all.create(home, { processes: web })).uuid;
    expect(await codeOf(routes.swap(bare, other))).toBe("FailedPrecondition");
  });

  it("answers the same for the same key, is only tried, and races to one of two ends", async () => {
    const [one, two] = [await running(), await running()];
    const trial = await routes.swap(one.uuid, two.uuid, { validateOnly: true });
    expect(trial.tasks.map(({ uuid }) => uuid)).toEqual(["", ""]);
    expect((await routes.get(one.route)).deployment).toBe(one.uuid);
    const first = await routes.swap(one.uuid, two.uuid, { idempotencyKey: one.uuid });
    const again = await routes.swap(one.uuid, two.uuid, { idempotencyKey: one.uuid });
    expect(again.tasks.map(({ uuid }) => uuid)).toEqual(first.tasks.map(({ uuid }) => uuid));
    expect((await routes.get(one.route)).deployment).toBe(two.uuid);
    const race = [1, 2, 3, 4].map((n) =>
      n % 2 === 0 ? routes.swap(one.uuid, two.uuid) : routes.swap(two.uuid, one.uuid),
    );
    const results = await Promise.all(race);
    for (const task of results.flatMap(({ tasks }) => tasks)) await all.done(task);
    expect(goalOf(ingressesOf(platform.kube, one.route)[0])).toBe(`${home.name}/${two.objectName}-web:8080`);
    expect(goalOf(ingressesOf(platform.kube, two.route)[0])).toBe(`${home.name}/${one.objectName}-web:8080`);
  });
});
