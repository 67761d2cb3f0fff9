import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { StopMode } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { RouteState } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { SettingsService } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { TaskKind, TaskState } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { projectStore } from "../../../../src/resources/api/project/store.js";
import { lookAtRoutes } from "../../../../src/resources/deploy/route/look.js";
import { sendStatus } from "../../../kube/stub-server.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf } from "../environment/environments.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { targetsOf } from "../target/targets.js";
import { deploymentsOf, type Home, homeOn, inventoryOf, objectsOf, openSite } from "../works/site.js";
import { goalOf, ingressesOf, newHostname, router, routesOf, web } from "./routes.js";

const missing = "0195c0de-0000-7000-8000-0000000000ff";
const ingressClasses = { group: "networking.k8s.io", resource: "ingressclasses" };
const late = router({ name: "late", ingressClass: "late", isDefault: false });
const { ACTIVE, PENDING, DELETING, FAILED } = RouteState;

let platform: TestPlatform;
let close: () => Promise<void>;
let proxy: TargetProxy;
let tenant: TestTenant;
let home: Home;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
let routes: ReturnType<typeof routesOf>;
let targets: ReturnType<typeof targetsOf>;
/** A deployment that runs. */
let shop: { uuid: string; name: string; objectName: string };
beforeAll(async () => {
  ({ platform, close } = await openSite());
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  tenant = await platform.newTenant();
  targets = targetsOf(platform, tenant);
  home = await homeOn(platform, tenant, proxy.kubeconfig());
  await targets.update(home.target, {
    routers: { routers: [router({ domain: "apps.example.org" }), router({ name: "inner", isDefault: false })] },
  });
  all = await deploymentsOf(platform, tenant);
  routes = routesOf(platform, tenant);
  shop = await all.create(home, { processes: web });
  await vi.waitFor(async () => expect((await all.row(shop.uuid)).activeRelease).toBe(1), { timeout: 60_000 });
});
afterAll(async () => {
  await proxy?.close();
  await close?.();
});

async function running(at: Home = home) {
  const { task, ...deployment } = await all.create(at, { processes: web });
  await all.done(task);
  return deployment;
}

describe("A route", () => {
  it("leads a hostname to a process [deis.domains-add, tsuru.cname-add, tsuru.app-router-add]", async () => {
    const order = { path: "/cart", annotations: { "example.org/a": "b" } };
    const { task, ...route } = await routes.create(shop.uuid, order);
    expect(route).toMatchObject({
      state: PENDING,
      router: "public",
      version: 1n,
      path: "/cart",
      process: "",
      port: "",
    });
    expect(task).toMatchObject({ kind: TaskKind.ROUTE, deployment: shop.uuid, actor: tenant.tenant });
    await all.done(task);
    const [ingress, ...others] = ingressesOf(platform.kube, route.uuid);
    expect(others).toEqual([]);
    expect(goalOf(ingress)).toBe(`${home.name}/${shop.objectName}-web:8080`);
    expect(ingress?.spec).toMatchObject({ ingressClassName: "nginx", rules: [{ host: route.hostname }] });
    expect(ingress?.spec).not.toHaveProperty("tls");
    expect(ingress?.metadata.annotations).toMatchObject({ "example.org/a": "b" });
    expect(await routes.get(route.uuid)).toMatchObject({
      state: ACTIVE,
      message: "",
      url: `http://${route.hostname}/cart`,
      tls: { certificate: { case: "router", value: true } },
    });
    expect(objectsOf(platform.kube, shop.uuid)).toEqual(inventoryOf(await all.row(shop.uuid)));
  });

  it("has a name of the deployment below the router's domain unless it is given [tsuru.app-router-add.alias]", async () => {
    const { project, owner } = routes;
    const made = await routes.client.create({ project, deployment: shop.uuid }, owner);
    expect(made.route?.hostname).toBe(`${shop.name}.apps.example.org`);
    expect(await codeOf(routes.client.create({ project, deployment: shop.uuid }, owner))).toBe("AlreadyExists");
    const inner = { project, deployment: shop.uuid, router: "inner" };
    expect(await refusal(routes.client.create(inner, owner))).toMatchObject({
      code: "InvalidArgument",
      fields: ["hostname"],
    });
    const settings = platform.client(SettingsService);
    await settings.update({ login: tenant.tenant, dns: { zone: "zone.example.org" } }, owner);
    expect((await routes.client.create(inner, owner)).route?.hostname).toBe(`${shop.name}.zone.example.org`);
    await settings.update({ login: tenant.tenant, dns: {} }, owner);
  });

  it("are listed by hostname, within what a caller reaches [deis.domains-list, tsuru.app-router-list]", async () => {
    const other = await running();
    const [b, a] = [newHostname("b.example.org"), newHostname("a.example.org")];
    for (const hostname of [b, a]) await routes.create(other.uuid, { hostname });
    const names = [a, b].sort();
    expect(await routes.hostnames({ deployment: other.uuid }, as(tenant.tokens.viewer))).toEqual(names);
    expect(await routes.hostnames({ environment: all.environment })).toEqual(expect.arrayContaining(names));
    expect(await routes.hostnames({ hostname: a })).toEqual([a]);
    expect(await routes.hostnames({ environment: (await environmentsOf(platform, tenant).create()).uuid })).toEqual([]);
    expect(await codeOf(routes.create(other.uuid, {}, as(tenant.tokens.viewer)))).toBe("PermissionDenied");
  });

  it("are not there for others [tsuru.app-router-list.alias]", async () => {
    const { uuid } = await routes.create(shop.uuid);
    const stranger = routesOf(platform, await platform.newTenant());
    expect(await stranger.hostnames({ deployment: shop.uuid })).toEqual([]);
    const elsewhere = (await environmentsOf(platform, tenant).create()).uuid;
    const beyond = { project: tenant.project, environment: elsewhere, uuid };
    const calls = [
      stranger.get(uuid),
      stranger.update(uuid, {}),
      stranger.delete(uuid),
      stranger.create(shop.uuid),
      routes.client.get(beyond, routes.owner),
      routes.client.update(beyond, routes.owner),
      routes.client.delete(beyond, routes.owner),
      routes.client.get({ ...beyond, environment: "", deployment: missing }, routes.owner),
      routes.get(missing),
    ];
    expect(new Set(await Promise.all(calls.map(codeOf)))).toEqual(new Set(["NotFound"]));
  });

  it("changes its router and annotations, and what is not set stays [tsuru.app-router-update]", async () => {
    const { uuid, task } = await routes.create(shop.uuid, { annotations: { a: "1", b: "2" } });
    await all.done(task);
    const change = { router: "inner", annotations: { annotations: { b: "3" } }, process: "web", port: "http" };
    const { route, task: next } = await routes.update(uuid, { ...change, options: { expectedVersion: 1n } });
    expect(route).toMatchObject({ version: 2n, state: PENDING, router: "inner", annotations: { b: "3" } });
    await all.done(next);
    const [ingress] = ingressesOf(platform.kube, uuid);
    expect(ingress?.metadata.annotations).toEqual({ b: "3" });
    expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE, process: "web", port: "http" });
    const stale = routes.update(uuid, { router: "public", options: { expectedVersion: 1n } });
    expect(await codeOf(stale)).toBe("Aborted");
  });

  it("is refused for what is not there [tsuru.app-router-update.alias]", async () => {
    const { uuid } = await routes.create(shop.uuid);
    for (const change of [{ router: "none" }, { process: "worker" }, { port: "admin" }]) {
      expect(await codeOf(routes.update(uuid, change))).toBe("NotFound");
      expect(await codeOf(routes.create(shop.uuid, change))).toBe("NotFound");
    }
    expect(await codeOf(routes.create(missing))).toBe("NotFound");
    for (const [order, field] of [
      [{ service: "web" }, "service"],
      [{ annotations: { "slipway.dev/x": "y" } }, "annotations"],
      [{ hostname: "UPPER.example.org" }, "hostname"],
      [{ hostname: "localhost" }, "hostname"],
      [{ path: "no-slash" }, "path"],
    ] as const) {
      expect(await refusal(routes.create(shop.uuid, order))).toMatchObject({
        code: "InvalidArgument",
        fields: [field],
      });
    }
  });

  it("goes from its target, and its hostname is free then [deis.domains-remove, tsuru.cname-remove]", async () => {
    const { uuid, hostname, task } = await routes.create(shop.uuid);
    await all.done(task);
    const { route, task: last } = await routes.delete(uuid);
    expect(route).toMatchObject({ state: DELETING, version: 2n });
    await all.done(last);
    expect(ingressesOf(platform.kube, uuid)).toEqual([]);
    expect(await codeOf(routes.get(uuid))).toBe("NotFound");
    await routes.create(shop.uuid, { hostname });
    expect(inventoryOf(await all.row(shop.uuid))).not.toContain(`ingresses/route-${uuid}`);
  });

  it("answers the same for the same key, also when it is gone [tsuru.app-router-remove, tsuru.app-router-remove.alias]", async () => {
    const { uuid, task } = await routes.create(shop.uuid);
    await all.done(task);
    const first = await routes.delete(uuid, { idempotencyKey: uuid });
    await all.done(first.task);
    const again = await routes.delete(uuid, { idempotencyKey: uuid });
    expect(again.task?.uuid).toBe(first.task?.uuid);
    expect(again.route).toBeUndefined();
    expect(await codeOf(routes.delete(uuid))).toBe("NotFound");
  });

  it("has a hostname of its own in the tenant, and says no more of whose it is", async () => {
    const { db, newId } = platform.platform;
    const stamps = { createdAt: new Date(), updatedAt: new Date() };
    const project = newId();
    await projectStore.insert(db, { id: project, tenant: tenant.tenant, name: "second", description: "", ...stamps });
    const second = { ...tenant, project };
    const neighbour = await deploymentsOf(platform, second);
    const place = await homeOn(platform, second, proxy.kubeconfig());
    await targetsOf(platform, second).update(place.target, { routers: { routers: [router()] } });
    const theirs = await neighbour.create(place, { processes: web });
    const hostname = newHostname();
    const race = await Promise.all([
      ...[1, 2].map(() => codeOf(routes.create(shop.uuid, { hostname }))),
      ...[1, 2].map(() => codeOf(routesOf(platform, second).create(theirs.uuid, { hostname }))),
    ]);
    expect(race.sort()).toEqual(["AlreadyExists", "AlreadyExists", "AlreadyExists", "OK"]);
    const refused = await refusal(routes.create(shop.uuid, { hostname }));
    expect(refused.message).toBe(`the tenant has a route of hostname ${hostname} already`);
  });
});

describe("The task of a route", () => {
  it("is only tried, answers the same for the same key, and waits for its time", async () => {
    const hostname = newHostname();
    const trial = await routes.create(shop.uuid, { hostname, options: { validateOnly: true } });
    expect(trial.task?.uuid).toBe("");
    expect(await routes.hostnames({ hostname })).toEqual([]);
    const executeAt = timestampFromDate(new Date(Date.now() + 3_600_000));
    const options = { executeAt, idempotencyKey: hostname };
    const first = await routes.create(shop.uuid, { hostname, options });
    const again = await routes.create(shop.uuid, { hostname, options });
    expect([again.uuid, again.task?.uuid]).toEqual([first.uuid, first.task?.uuid]);
    expect(await codeOf(routes.create(shop.uuid, { hostname: newHostname(), options }))).toBe("AlreadyExists");
    expect(first.task?.state).toBe(TaskState.SCHEDULED);
    // Others leave it alone until then.
    await all.done((await routes.create(shop.uuid)).task);
    expect(await routes.get(first.uuid)).toMatchObject({ state: PENDING });
    expect(ingressesOf(platform.kube, first.uuid)).toEqual([]);
    await all.tasks.cancel({ project: tenant.project, uuid: first.task?.uuid ?? "" }, all.owner);
    await routes.until(first.uuid, { state: FAILED, message: expect.stringContaining("canceled") });
  });

  it("fails with what the target refuses, and other tasks go on without the route", async () => {
    proxy.meddle(({ method, path }, response) => {
      const isIngress = method === "PATCH" && path.includes("/ingresses/");
      if (isIngress) sendStatus(response, 422, "this annotation is none that I like");
      return isIngress;
    });
    const { uuid, task } = await routes.create(shop.uuid);
    const failed = await all.end(task);
    expect(failed).toMatchObject({ state: TaskState.FAILED, message: expect.stringContaining("none that I like") });
    expect(await routes.get(uuid)).toMatchObject({
      state: FAILED,
      message: expect.stringContaining("none that I like"),
    });
    const config = { setVariables: [{ name: "A", value: "1" }] };
    const { project } = tenant;
    const release = await all.configs.update({ project, deployment: shop.uuid, patch: config }, all.owner);
    await all.done(release.task);
    proxy.leave();
    await all.done((await routes.update(uuid, {})).task);
    expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE });
  });

  it("waits for a target that is away", async () => {
    let refused = 0;
    proxy.meddle(({ path }, response) => {
      if (!path.includes("/ingresses")) return false;
      refused += 1;
      return Boolean(response.destroy());
    });
    const { uuid, task } = await routes.create(shop.uuid);
    await expect.poll(() => refused, { timeout: 30_000 }).toBeGreaterThan(1);
    expect(await routes.get(uuid)).toMatchObject({ state: PENDING });
    proxy.leave();
    await all.done(task);
    expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE });
  });
});

describe("A route whose router gives it no address", () => {
  it("is looked at after its task, and shows when it has one", async () => {
    await targets.update(home.target, {
      routers: { routers: [router({ domain: "apps.example.org" }), router({ name: "inner", isDefault: false }), late] },
    });
    const deployment = await running();
    const { uuid, task } = await routes.create(deployment.uuid, { router: "late" });
    await routes.until(uuid, { state: PENDING, message: expect.stringContaining("no address") });
    const { project, owner } = all;
    await all.tasks.cancel({ project, uuid: task?.uuid ?? "" }, owner);
    await all.end(task);
    expect(await routes.get(uuid)).toMatchObject({ state: FAILED, message: expect.stringContaining("canceled") });
    // What has failed is not waited for again.
    const config = { setVariables: [{ name: "A", value: "1" }] };
    await all.done((await all.configs.update({ project, deployment: deployment.uuid, patch: config }, owner)).task);
    expect(await routes.get(uuid)).toMatchObject({ state: PENDING, message: expect.stringContaining("no address") });
    // A look at a target that fails is no more than one that has seen nothing.
    proxy.meddle(({ path }, response) => {
      if (path.includes("/ingresses/")) sendStatus(response, 500, "InternalError");
      return path.includes("/ingresses/");
    });
    const { signal } = new AbortController();
    await lookAtRoutes(platform.platform)({ deployment: deployment.uuid, looks: 0 }, { signal } as never);
    proxy.leave();
    const spec = { controller: "simulator.slipway.dev/ingress" };
    await platform.kube.embedded.store.create(ingressClasses, { metadata: { name: "late" }, spec });
    await routes.until(uuid, { state: ACTIVE, message: "" });
  });
});

describe("Routes of a deployment", () => {
  it("wait for its first release, and fail with what that has not", async () => {
    proxy.meddle(({ method, path }, response) => {
      return method === "PATCH" && path.includes("/deployments/") && Boolean(response.destroy());
    });
    const { uuid, task } = await all.create(home, { processes: web });
    const good = await routes.create(uuid);
    const bad = await routes.create(uuid, { process: "worker" });
    expect(await routes.get(good.uuid)).toMatchObject({ state: PENDING });
    proxy.leave();
    await all.done(task);
    await all.done(good.task);
    expect(await all.end(bad.task)).toMatchObject({ state: TaskState.FAILED });
    expect(await routes.get(good.uuid)).toMatchObject({ state: ACTIVE });
    expect(await routes.get(bad.uuid)).toMatchObject({ state: FAILED, message: expect.stringContaining("worker") });
  });

  it("go while it is uninstalled, are there again when it starts, and go with it", async () => {
    const { project, owner } = all;
    const { uuid: deployment } = await running();
    const { uuid, hostname, task } = await routes.create(deployment);
    await all.done(task);
    await all.done((await all.client.stop({ project, deployment, mode: StopMode.UNINSTALL }, owner)).task);
    expect(ingressesOf(platform.kube, uuid)).toEqual([]);
    expect(await routes.get(uuid)).toMatchObject({ state: PENDING, message: expect.stringContaining("uninstalled") });
    await all.done((await all.client.start({ project, deployment }, owner)).task);
    expect(await routes.get(uuid)).toMatchObject({ state: ACTIVE });
    expect(ingressesOf(platform.kube, uuid)).toHaveLength(1);
    await all.done((await all.client.delete({ project, deployment }, owner)).task);
    expect(ingressesOf(platform.kube, uuid)).toEqual([]);
    await routes.create(shop.uuid, { hostname });
  });

  it("keep the routers that they use", async () => {
    const { hostname } = await routes.create(shop.uuid, { router: "inner" });
    const without = targets.update(home.target, { routers: { routers: [router({ domain: "apps.example.org" })] } });
    const refused = await refusal(without);
    expect(refused).toMatchObject({ code: "FailedPrecondition" });
    expect(refused.message).toContain("routes");
    expect(await routes.hostnames({ hostname })).toEqual([hostname]);
    await targets.update(home.target, {
      routers: {
        routers: [
          router({ domain: "apps.example.org" }),
          router({ name: "inner", isDefault: false }),
          late,
          router({ name: "new", isDefault: false }),
        ],
      },
    });
  });

  it("use the routers that a constraint of its environment allows", async () => {
    const constraints = [{ field: ConstraintField.ROUTER, values: ["public"] }];
    const environment = (await environmentsOf(platform, tenant).create({ constraints })).uuid;
    const { uuid } = await all.create(home, { environment, processes: web });
    expect(await refusal(routes.create(uuid, { router: "inner" }))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("forbids router inner"),
    });
    const { uuid: route } = await routes.create(uuid);
    expect(await codeOf(routes.update(route, { router: "inner" }))).toBe("FailedPrecondition");
  });

  it("are a hundred at most", async () => {
    const { uuid } = await all.create(home, { processes: web });
    const { uuid: route } = await routes.create(uuid);
    await platform.platform.db.execute(`
      insert into routes (id, tenant, project, deployment, hostname, router, tls, created_at, updated_at)
      select gen_random_uuid(), tenant, project, deployment, 'fill-' || n || '.example.org', router, tls, now(), now()
      from routes, generate_series(1, 99) as n where id = '${route}'`);
    expect(await codeOf(routes.create(uuid))).toBe("ResourceExhausted");
    await platform.platform.db.execute(`delete from routes where hostname like 'fill-%'`);
  });
});
