import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NamespaceState } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { ConnectionState } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { type JobRunner, startRunner } from "../../../../src/jobs/runner.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { type KubeObject, namespaces as kind, type ResourceType } from "../../../../src/kube/objects.js";
import { settleNamespace } from "../../../../src/resources/deploy/namespace/jobs.js";
import { namespaceQueue } from "../../../../src/resources/deploy/namespace/queue.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { namespaceVisitor } from "../../../../src/resources/deploy/namespace/visit.js";
import { targets as targetRows } from "../../../../src/resources/deploy/target/table.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { directly, startObserver, targetsOf } from "../target/targets.js";
import { live, namespacesOf, newNamespace } from "./namespaces.js";

const configMaps: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };
const missing = "0195c0de-0000-7000-8000-0000000000ff";
const { PENDING, ACTIVE, REFUSED, TERMINATING } = NamespaceState;

let platform: TestPlatform;
let proxy: TargetProxy;
let kube: KubeClient;
let runner: JobRunner;
let stop: () => Promise<void>;
let tenant: TestTenant;
let targets: ReturnType<typeof targetsOf>;
let all: ReturnType<typeof namespacesOf>;
let target: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
  runner = await startRunner(platform.database.server, {
    tasks: { [namespaceQueue.task]: settleNamespace(platform.platform) },
    cron: [],
    concurrency: 4,
    pollMs: 100,
    deadlineMs: 30_000,
    log: platform.platform.log,
  });
});
beforeEach(async () => {
  tenant = await platform.newTenant();
  targets = targetsOf(platform, tenant);
  all = namespacesOf(platform, tenant);
  stop = startObserver(platform, { visitors: [namespaceVisitor(platform.platform)] });
  target = (await targets.foreign(proxy.kubeconfig())).uuid;
  await targets.connected(target);
});
afterEach(async () => {
  await stop();
  proxy.leave();
  await platform.platform.db.delete(targetNamespaces);
  await platform.platform.db.delete(targetRows);
});
afterAll(async () => {
  await runner.stop(1_000);
  kube.close();
  await proxy.close();
  await platform.close();
});

describe("a namespace", () => {
  it("is made on the target with its labels and those that say whose it is [pds.create-namespace]", async () => {
    const name = newNamespace();
    const made = await all.create({ target, name, labels: { team: "web", "example.org/tier": "" } });
    expect(made).toMatchObject({ target, name, state: PENDING, adopted: false, labels: { team: "web" } });
    expect(await all.until(made.uuid, { state: ACTIVE })).toMatchObject({ message: "", adopted: false });
    expect((await live(kube, name))?.metadata.labels).toMatchObject({
      team: "web",
      "example.org/tier": "",
      "app.kubernetes.io/managed-by": "slipway",
      "slipway.dev/project": tenant.project,
      "slipway.dev/namespace": made.uuid,
    });
  });

  it("is read by its uuid [pds.get-namespace]", async () => {
    const { uuid, name } = await all.create({ target });
    expect((await all.get(uuid.toUpperCase(), as(tenant.tokens.viewer))).name).toBe(name);
    expect(await codeOf(all.get(missing))).toBe("NotFound");
    const other = namespacesOf(platform, await platform.newTenant());
    expect(await codeOf(other.get(uuid))).toBe("NotFound");
    expect(await codeOf(other.update(uuid, { adopt: true }))).toBe("NotFound");
    expect(await codeOf(other.delete(uuid))).toBe("NotFound");
  });

  it("is listed by target and name [pds.list-namespaces]", async () => {
    const second = (await targets.foreign(proxy.kubeconfig())).uuid;
    const [b, a] = [newNamespace(), `a-${newNamespace()}`];
    for (const name of [b, a]) await all.create({ target, name });
    const other = await all.create({ target: second });
    const names = async (of?: string) => (await all.list(of, as(tenant.tokens.viewer))).map(({ name }) => name);
    expect(await names(target)).toEqual([a, b]);
    expect(await names(second)).toEqual([other.name]);
    expect(await names()).toEqual(target < second ? [a, b, other.name] : [other.name, a, b]);
    expect(await names(missing)).toEqual([]);
    expect(await namespacesOf(platform, await platform.newTenant()).list(target)).toEqual([]);
  });

  it("is refused when it exists, until it is adopted [pds.update-namespace]", async () => {
    const name = newNamespace();
    await kube.create<KubeObject>(kind, {
      metadata: { name, labels: { keep: "me", team: "theirs", "app.kubernetes.io/managed-by": "Helm" } },
    });
    const { uuid } = await all.create({ target, name, labels: { team: "ours" } });
    const refused = await all.until(uuid, { state: REFUSED });
    expect(refused.message).toContain("exists on the target already");
    expect((await live(kube, name))?.metadata.labels).not.toHaveProperty("slipway.dev/project");
    expect((await all.update(uuid, { adopt: true })).state).toBe(PENDING);
    expect(await all.until(uuid, { state: ACTIVE })).toMatchObject({ adopted: true, message: "" });
    expect((await live(kube, name))?.metadata.labels).toMatchObject({
      keep: "me",
      team: "ours",
      "slipway.dev/namespace": uuid,
    });
    // It is not ours to delete: only what it got here goes, and what was replaced is there again.
    await all.delete(uuid);
    await all.gone(uuid);
    const left = await live(kube, name);
    expect(left?.metadata.deletionTimestamp).toBeUndefined();
    expect(left?.metadata.labels).toMatchObject({ keep: "me", team: "theirs", "app.kubernetes.io/managed-by": "Helm" });
    expect(Object.keys(left?.metadata.labels ?? {}).filter((key) => key.startsWith("slipway.dev/"))).toEqual([]);
    expect(Object.keys(left?.metadata.annotations ?? {}).filter((key) => key.startsWith("slipway.dev/"))).toEqual([]);
  });

  it("is adopted at once when that is asked for with its creation", async () => {
    const name = newNamespace();
    await kube.create<KubeObject>(kind, { metadata: { name } });
    const { uuid } = await all.create({ target, name, adopt: true });
    expect(await all.until(uuid, { state: ACTIVE })).toMatchObject({ adopted: true });
  });

  it("that was refused is made once the other one is gone", async () => {
    const name = newNamespace();
    await kube.create<KubeObject>(kind, { metadata: { name } });
    const { uuid } = await all.create({ target, name });
    await all.until(uuid, { state: REFUSED });
    await kube.delete(kind, { name });
    expect(await all.until(uuid, { state: ACTIVE })).toMatchObject({ adopted: false });
  });

  it("of another project on the same cluster is refused, even to be adopted; so is that of another target", async () => {
    const name = newNamespace();
    const first = await all.create({ target, name });
    await all.until(first.uuid, { state: ACTIVE });
    const neighbour = await platform.newTenant();
    const theirs = namespacesOf(platform, neighbour);
    const their = await targetsOf(platform, neighbour).foreign(proxy.kubeconfig());
    const { uuid } = await theirs.create({ target: their.uuid, name, adopt: true });
    expect((await theirs.until(uuid, { state: REFUSED })).message).toContain("another project");
    const twin = (await targets.foreign(proxy.kubeconfig())).uuid;
    const again = await all.create({ target: twin, name, adopt: true });
    expect((await all.until(again.uuid, { state: REFUSED })).message).toContain("another target of the project");
    // What is refused leaves nothing behind, and takes nothing along.
    await theirs.delete(uuid);
    await theirs.gone(uuid);
    await all.delete(again.uuid);
    await all.gone(again.uuid);
    expect((await live(kube, name))?.metadata.labels).toMatchObject({ "slipway.dev/namespace": first.uuid });
    await all.delete(first.uuid);
    await all.gone(first.uuid);
  });

  it("changes its labels, and loses those that are left out [pds.update-namespace]", async () => {
    const { uuid, name } = await all.create({ target, labels: { a: "1", b: "2" } });
    await all.until(uuid, { state: ACTIVE });
    const changed = await all.update(uuid, { labels: { labels: { b: "3", c: "4" } } });
    expect(changed).toMatchObject({ state: ACTIVE, labels: { b: "3", c: "4" } });
    await expect
      .poll(async () => (await live(kube, name))?.metadata.labels, { timeout: 20_000 })
      .toMatchObject({ b: "3", c: "4" });
    expect((await live(kube, name))?.metadata.labels).not.toHaveProperty("a");
    expect(await all.update(uuid, {})).toEqual(await all.get(uuid));
  });

  it("goes on the target when it is deleted, and is forgotten only then [pds.delete-namespace]", async () => {
    const { uuid, name } = await all.create({ target });
    await all.until(uuid, { state: ACTIVE });
    const held = { metadata: { name: "held", namespace: name, finalizers: ["example.org/hold"] } };
    await kube.create<KubeObject>(configMaps, held);
    const { namespace } = await all.delete(uuid);
    expect(namespace).toMatchObject({ state: TERMINATING });
    await expect
      .poll(async () => (await live(kube, name))?.metadata.deletionTimestamp, { timeout: 20_000 })
      .toBeDefined();
    expect(await all.get(uuid)).toMatchObject({ state: TERMINATING, message: expect.stringMatching(/delet/) });
    // It is no longer to be changed, nor to be registered anew; asking again changes nothing.
    expect(await codeOf(all.update(uuid, { labels: {} }))).toBe("FailedPrecondition");
    expect(await codeOf(all.create({ target, name }))).toBe("AlreadyExists");
    expect((await all.delete(uuid)).namespace?.state).toBe(TERMINATING);
    await kube.mergePatch(configMaps, { name: "held", namespace: name }, { metadata: { finalizers: null } });
    await all.gone(uuid);
    expect(await live(kube, name)).toBeUndefined();
  });

  it("is made again when it vanishes, or loses its labels, behind our back", async () => {
    const { uuid, name } = await all.create({ target, labels: { team: "web" } });
    await all.until(uuid, { state: ACTIVE });
    const before = (await live(kube, name))?.metadata.uid;
    const states: NamespaceState[] = [];
    const unsubscribe = platform.platform.feed.subscribe("target_namespace", () => {
      void all.get(uuid).then(({ state }) => states.push(state));
    });
    proxy.meddle(({ method, path }, response) => {
      // Nothing is made until its state was seen.
      if (method === "POST" && path.startsWith("/api/v1/namespaces") && !states.includes(PENDING)) {
        return Boolean(response.destroy());
      }
      return false;
    });
    await kube.delete(kind, { name });
    await expect
      .poll(async () => (await live(kube, name))?.metadata.uid ?? before, { timeout: 30_000 })
      .not.toBe(before);
    await all.until(uuid, { state: ACTIVE });
    unsubscribe();
    expect(states).toContain(PENDING);
    await kube.mergePatch(kind, { name }, { metadata: { labels: { team: "other" } } });
    await expect.poll(async () => (await live(kube, name))?.metadata.labels?.team, { timeout: 30_000 }).toBe("web");
  });

  it("waits for a target that is away, says so, and goes on when it is back", async () => {
    const kept = await all.create({ target });
    await all.until(kept.uuid, { state: ACTIVE });
    proxy.meddle((_, response) => Boolean(response.destroy()));
    await targets.until(target, { connection: ConnectionState.DISCONNECTED });
    const waiting = await all.create({ target });
    await all.delete(kept.uuid);
    const says = { message: expect.stringContaining("cannot be reached: the API server breaks connections off") };
    await all.until(waiting.uuid, { state: PENDING, ...says });
    await all.until(kept.uuid, { state: TERMINATING, ...says });
    proxy.leave();
    await all.until(waiting.uuid, { state: ACTIVE, message: "" });
    await all.gone(kept.uuid);
    expect(await live(kube, kept.name)).toBeUndefined();
  });

  it("says that its target lets it not be made", async () => {
    proxy.meddle(({ method }, response) => method === "POST" && Boolean(response.writeHead(403).end("no")));
    const { uuid } = await all.create({ target });
    const says = await all.until(uuid, { state: PENDING, message: expect.stringContaining("forbids") });
    expect(says.message).toContain("GetJoinConfig");
    proxy.leave();
    await all.until(uuid, { state: ACTIVE });
  });

  it.each(["default", "kube-system", "kube-anything", "kube", "slipway-system", "slipway"])(
    "is never called %s",
    async (name) => {
      expect(await refusal(all.create({ target, name, adopt: true }))).toMatchObject({
        code: "InvalidArgument",
        fields: ["name"],
      });
    },
  );

  it("does not set the labels that say whose it is", async () => {
    for (const key of [
      "app.kubernetes.io/managed-by",
      "slipway.dev/project",
      "x.slipway.dev/y",
      "kubernetes.io/metadata.name",
    ]) {
      expect(await refusal(all.create({ target, labels: { [key]: "x" } }))).toMatchObject({
        code: "InvalidArgument",
        fields: ["labels"],
      });
    }
    expect((await refusal(all.create({ target, labels: { "-": "x" } }))).code).toBe("InvalidArgument");
  });

  it("is registered once on a target of the project", async () => {
    const { name } = await all.create({ target });
    const twice = await Promise.all([1, 2, 3].map(() => codeOf(all.create({ target, name }))));
    expect(new Set(twice)).toEqual(new Set(["AlreadyExists"]));
    expect(await codeOf(all.create({ target: missing }))).toBe("NotFound");
    const stranger = namespacesOf(platform, await platform.newTenant());
    expect(await codeOf(stranger.create({ target }))).toBe("NotFound");
    expect(await codeOf(all.create({ target, name: "UPPER" }))).toBe("InvalidArgument");
  });

  it("is one of a thousand of a target at most", async () => {
    const stamps = { createdAt: new Date(), updatedAt: new Date() };
    const { db, newId } = platform.platform;
    const { project } = tenant;
    await stop();
    const rows = Array.from({ length: 998 }, (_, i) => ({
      id: newId(),
      project,
      target,
      name: `fill-${i}`,
      ...stamps,
    }));
    await db.insert(targetNamespaces).values(rows);
    const results = await Promise.all([1, 2, 3, 4].map(() => codeOf(all.create({ target }))));
    expect(results.sort()).toEqual(["OK", "OK", "ResourceExhausted", "ResourceExhausted"]);
    await db.delete(targetNamespaces);
  });

  it("keeps its target from being deleted", async () => {
    const { uuid, name } = await all.create({ target });
    expect(await refusal(targets.delete(target))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining(`namespace ${name}`),
    });
    await all.until(uuid, { state: ACTIVE });
    await all.delete(uuid);
    await all.gone(uuid);
    await targets.delete(target);
  });
});
