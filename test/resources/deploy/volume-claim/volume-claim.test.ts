import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ConstraintField } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { ConnectionState } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { AccessMode, VolumeClaimState } from "../../../../gen/ts/deploy/v1/volume_claim_pb.js";
import { type JobRunner, startRunner } from "../../../../src/jobs/runner.js";
import type { KubeClient } from "../../../../src/kube/client.js";
import { settleNamespace } from "../../../../src/resources/deploy/namespace/jobs.js";
import { namespaceQueue } from "../../../../src/resources/deploy/namespace/queue.js";
import { namespaceVisitor } from "../../../../src/resources/deploy/namespace/visit.js";
import { settleClaim } from "../../../../src/resources/deploy/volume-claim/jobs.js";
import { persistentVolumeClaims } from "../../../../src/resources/deploy/volume-claim/kube.js";
import { claimQueue } from "../../../../src/resources/deploy/volume-claim/queue.js";
import { volumeClaims } from "../../../../src/resources/deploy/volume-claim/table.js";
import { volumeClaimVisitor } from "../../../../src/resources/deploy/volume-claim/visit.js";
import { sendStatus } from "../../../kube/stub-server.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { environmentsOf } from "../environment/environments.js";
import { namespacesOf } from "../namespace/namespaces.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { directly, startObserver, targetsOf } from "../target/targets.js";
import { claimsOf, live, mountedBy, newName, setStatus } from "./claims.js";

// What an attempt could not do waits for the next one, or for the next look at its target.
vi.setConfig({ testTimeout: 180_000 });

const missing = "0195c0de-0000-7000-8000-0000000000ff";
const { PENDING, BOUND, FAILED, TERMINATING } = VolumeClaimState;
const bound = (storage: string) => ({ phase: "Bound", capacity: { storage } });

let platform: TestPlatform;
let proxy: TargetProxy;
let kube: KubeClient;
let runner: JobRunner;
let stop: () => Promise<void>;
let tenant: TestTenant;
let targets: ReturnType<typeof targetsOf>;
let environments: ReturnType<typeof environmentsOf>;
let all: ReturnType<typeof claimsOf>;
let place: { project: string; environment: string; target: string; namespace: string };
let namespaceName: string;
/** Where new claims go. */
let here: { environment: string; namespace: string };
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
  runner = await startRunner(platform.database.server, {
    tasks: {
      [namespaceQueue.task]: settleNamespace(platform.platform),
      [claimQueue.task]: settleClaim(platform.platform),
    },
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
  environments = environmentsOf(platform, tenant);
  all = claimsOf(platform, tenant);
  stop = startObserver(platform, {
    visitors: [namespaceVisitor(platform.platform), volumeClaimVisitor(platform.platform)],
  });
  const target = (await targets.foreign(proxy.kubeconfig())).uuid;
  await targets.connected(target);
  const environment = (await environments.create({ isDefault: true })).uuid;
  const namespace = await namespacesOf(platform, tenant).create({ target });
  namespaceName = namespace.name;
  place = { project: tenant.project, environment, target, namespace: namespace.uuid };
  here = { environment, namespace: namespace.uuid };
});
afterEach(async () => {
  await stop();
  proxy.leave();
});
afterAll(async () => {
  await runner?.stop(1_000);
  kube?.close();
  await proxy?.close();
  await platform?.close();
});

describe("A volume claim", () => {
  it("is made in its namespace, and shows its storage once it has it [tsuru.volume-create]", async () => {
    const claim = await all.create({ ...here, size: "10Gi", storageClass: "fast", labels: { team: "web" } });
    expect(claim).toMatchObject({ state: PENDING, capacity: "", version: 1n, deployments: [], accessMode: 1 });
    const waiting = { state: PENDING, message: expect.stringContaining("first pod") };
    await all.until(claim.uuid, waiting);
    const made = await live(kube, namespaceName, claim.name);
    expect(made?.metadata.labels).toEqual({
      team: "web",
      "app.kubernetes.io/managed-by": "slipway",
      "slipway.dev/project": tenant.project,
      "slipway.dev/volume-claim": claim.uuid,
    });
    expect(made?.spec).toMatchObject({
      accessModes: ["ReadWriteOnce"],
      storageClassName: "fast",
      resources: { requests: { storage: "10Gi" } },
    });
    await setStatus(kube, namespaceName, claim.name, bound("12Gi"));
    await all.until(claim.uuid, { state: BOUND, message: "", capacity: "12Gi" });
  });

  it("is read with the deployments that mount it [tsuru.volume-info]", async () => {
    const claim = await all.create({ namespace: here.namespace });
    expect(claim.environment).toBe(here.environment);
    const users = [
      await mountedBy(platform, place, claim.uuid, "active"),
      await mountedBy(platform, place, claim.uuid, "pending"),
    ];
    await mountedBy(platform, place, claim.uuid, "superseded");
    const seen = await all.get(claim.uuid.toUpperCase(), as(tenant.tokens.viewer));
    expect(seen.deployments).toEqual(users.map(({ id }) => id));
    expect(await codeOf(all.get(missing))).toBe("NotFound");
    const stranger = claimsOf(platform, await platform.newTenant());
    const calls = [stranger.get(claim.uuid), stranger.update(claim.uuid, {}), stranger.delete(claim.uuid)];
    expect(new Set(await Promise.all(calls.map(codeOf)))).toEqual(new Set(["NotFound"]));
    const elsewhere = (await environments.create()).uuid;
    const { project } = tenant;
    const beyond = { project, environment: elsewhere, uuid: claim.uuid };
    expect(await codeOf(all.client.get(beyond, all.owner))).toBe("NotFound");
    expect(await codeOf(all.client.delete(beyond, all.owner))).toBe("NotFound");
  });

  it("is listed by name, within an environment or namespace [tsuru.volume-list]", async () => {
    const other = (await environments.create()).uuid;
    const second = (await namespacesOf(platform, tenant).create({ target: place.target })).uuid;
    for (const [name, order] of [
      ["b", here],
      ["c", { ...here, environment: other }],
      ["a", { ...here, namespace: second }],
    ] as const) {
      await all.create({ ...order, name });
    }
    expect(await all.names({}, as(tenant.tokens.viewer))).toEqual(["a", "b", "c"]);
    expect(await all.names({ environment: here.environment })).toEqual(["a", "b"]);
    expect(await all.names({ namespace: here.namespace })).toEqual(["b", "c"]);
    expect(await all.names({ namespace: second, environment: other })).toEqual([]);
  });

  it("changes class and access mode only before it is on its target [tsuru.volume-update]", async () => {
    let attempts = 0;
    proxy.meddle(({ method, path }, response) => {
      if (method !== "PATCH" || !path.includes("persistentvolumeclaims")) return false;
      attempts += 1;
      response.destroy();
      return true;
    });
    const claim = await all.create(here);
    const asked = { storageClass: "slow", accessMode: AccessMode.READ_WRITE_MANY, size: "512Mi" };
    expect(await all.update(claim.uuid, asked)).toMatchObject({ ...asked, version: 2n });
    // One that is on its way still tells what was wanted before: those after it do not.
    const told = attempts;
    await expect.poll(() => attempts, { timeout: 90_000 }).toBeGreaterThan(told + 3);
    proxy.leave();
    await all.until(claim.uuid, { message: expect.stringContaining("first pod") });
    expect((await live(kube, namespaceName, claim.name))?.spec).toMatchObject({
      storageClassName: "slow",
      accessModes: ["ReadWriteMany"],
    });
    for (const change of [{ storageClass: "other" }, { accessMode: AccessMode.READ_ONLY_MANY }]) {
      expect(await refusal(all.update(claim.uuid, change))).toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining("make another one"),
      });
    }
    expect((await all.update(claim.uuid, { storageClass: "slow", expectedVersion: 2n })).version).toBe(3n);
    expect(await codeOf(all.update(claim.uuid, { size: "2Gi", expectedVersion: 2n }))).toBe("Aborted");
  });

  it("only grows, and fails where its target refuses that [tsuru.volume-update.alias]", async () => {
    const claim = await all.create({ ...here, size: "1Gi" });
    await all.until(claim.uuid, { message: expect.stringContaining("first pod") });
    await setStatus(kube, namespaceName, claim.name, bound("1Gi"));
    await all.until(claim.uuid, { state: BOUND });
    expect(await codeOf(all.update(claim.uuid, { size: "1023Mi" }))).toBe("FailedPrecondition");
    await all.update(claim.uuid, { size: "2Gi" });
    await all.until(claim.uuid, { state: BOUND, message: "it grows to 2Gi", capacity: "1Gi" });
    await setStatus(kube, namespaceName, claim.name, bound("2Gi"));
    await all.until(claim.uuid, { state: BOUND, message: "", capacity: "2Gi" });
    proxy.meddle(({ method, path }, response) => {
      const isGrowth = method === "PATCH" && path.includes("persistentvolumeclaims");
      if (isGrowth) sendStatus(response, 403, "only dynamically provisioned pvc can be resized");
      return isGrowth;
    });
    await all.update(claim.uuid, { size: "3Gi" });
    const failed = await all.until(claim.uuid, { state: FAILED, message: expect.stringContaining("can be resized") });
    expect(failed).toMatchObject({ size: "3Gi", capacity: "2Gi" });
    // What it has is what it can go back to.
    expect(await codeOf(all.update(claim.uuid, { size: "1Gi" }))).toBe("FailedPrecondition");
    proxy.leave();
    await all.update(claim.uuid, { size: "2Gi" });
    await all.until(claim.uuid, { state: BOUND, message: "", size: "2Gi" });
  });

  it("goes with what is stored, once nothing mounts it [tsuru.volume-delete]", async () => {
    const claim = await all.create(here);
    await all.until(claim.uuid, { message: expect.stringContaining("first pod") });
    const user = await mountedBy(platform, place, claim.uuid, "active");
    expect(await refusal(all.delete(claim.uuid))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining(user.name),
    });
    const free = await all.create(here);
    await mountedBy(platform, place, free.uuid, "failed");
    await all.until(free.uuid, { message: expect.stringContaining("first pod") });
    await kube.mergePatch(
      persistentVolumeClaims,
      { namespace: namespaceName, name: free.name },
      { metadata: { finalizers: ["kubernetes.io/pvc-protection"] } },
    );
    expect(await all.delete(free.uuid)).toMatchObject({ state: TERMINATING });
    await all.until(free.uuid, { state: TERMINATING, message: expect.stringContaining("no pod mounts it") });
    expect(await codeOf(all.update(free.uuid, { size: "2Gi" }))).toBe("FailedPrecondition");
    expect((await all.delete(free.uuid)).state).toBe(TERMINATING);
    await kube.mergePatch(
      persistentVolumeClaims,
      { namespace: namespaceName, name: free.name },
      { metadata: { finalizers: null } },
    );
    await all.gone(free.uuid);
    expect(await live(kube, namespaceName, free.name)).toBeUndefined();
  });

  it("is never somebody else's", async () => {
    const name = newName();
    await all.until((await all.create(here)).uuid, { message: expect.stringContaining("first pod") });
    await kube.create(persistentVolumeClaims, { metadata: { name, namespace: namespaceName } });
    const claim = await all.create({ ...here, name });
    await all.until(claim.uuid, { state: FAILED, message: expect.stringContaining("somebody else's") });
    await all.delete(claim.uuid);
    await all.gone(claim.uuid);
    expect((await live(kube, namespaceName, name))?.metadata.deletionTimestamp).toBeUndefined();
  });

  it("says that its storage is lost, and is not made anew without it", async () => {
    const claim = await all.create(here);
    await all.until(claim.uuid, { message: expect.stringContaining("first pod") });
    await setStatus(kube, namespaceName, claim.name, bound("1Gi"));
    await all.until(claim.uuid, { state: BOUND });
    await setStatus(kube, namespaceName, claim.name, { phase: "Lost" });
    await all.until(claim.uuid, { state: FAILED, message: "its volume is lost" });
    await kube.delete(persistentVolumeClaims, { namespace: namespaceName, name: claim.name });
    await all.until(claim.uuid, { state: FAILED, message: expect.stringContaining("what was stored is lost") });
    await all.update(claim.uuid, { labels: { labels: { a: "b" } } });
    await all.until(claim.uuid, { state: FAILED, labels: { a: "b" } });
    expect(await live(kube, namespaceName, claim.name)).toBeUndefined();
  });

  it("waits for a target that is away, and goes on when it is back", async () => {
    proxy.meddle((_, response) => Boolean(response.destroy()));
    await targets.until(place.target, { connection: ConnectionState.DISCONNECTED });
    const claim = await all.create(here);
    await all.until(claim.uuid, { state: PENDING, message: expect.stringContaining("cannot be reached") });
    proxy.leave();
    await all.until(claim.uuid, { message: expect.stringContaining("first pod") });
  });

  it("is refused where a constraint of its environment forbids target or storage class", async () => {
    const { STORAGE_CLASS, TARGET } = ConstraintField;
    const strict = async (constraint: { field: ConstraintField; values: string[]; deny?: boolean }) =>
      (await environments.create({ constraints: [constraint] })).uuid;
    const classes = await strict({ field: STORAGE_CLASS, values: ["fast*"] });
    const away = await strict({ field: TARGET, values: [place.target], deny: true });
    const { namespace } = here;
    const refused = { code: "FailedPrecondition", message: expect.stringContaining("constraint of environment") };
    expect(await refusal(all.create({ namespace, environment: away }))).toMatchObject(refused);
    expect(await refusal(all.create({ namespace, environment: classes, storageClass: "slow" }))).toMatchObject(refused);
    expect((await refusal(all.create({ namespace, environment: classes }))).message).toContain("name one");
    await all.create({ namespace, environment: classes, storageClass: "fast-ssd" });
  });

  it.each([
    ["size", { size: "lots" }],
    ["size", { size: "0" }],
    ["size", { size: "-1Gi" }],
    ["storage_class", { storageClass: "No Class" }],
    ["labels", { labels: { "slipway.dev/project": "x" } }],
    ["name", { name: "UPPER" }],
    ["name", { name: "a.b" }],
    ["access_mode", { accessMode: 7 as AccessMode }],
  ])("is refused for a bad %s", async (field, order) => {
    expect(await refusal(all.create({ ...here, ...order }))).toMatchObject({
      code: "InvalidArgument",
      fields: [field],
    });
  });

  it("has a name of its own in a namespace, which is there", async () => {
    const { name } = await all.create(here);
    const twice = await Promise.all([1, 2, 3].map(() => codeOf(all.create({ ...here, name }))));
    expect(new Set(twice)).toEqual(new Set(["AlreadyExists"]));
    expect(await codeOf(all.create({ ...here, namespace: missing }))).toBe("NotFound");
    expect(await codeOf(all.create({ ...here, environment: missing }))).toBe("NotFound");
    expect(await codeOf(all.create(here, as(tenant.tokens.viewer)))).toBe("PermissionDenied");
    const stranger = claimsOf(platform, await platform.newTenant());
    expect(await codeOf(stranger.create({ namespace: here.namespace }))).not.toBe("OK");
  });

  it("is one of a thousand of a project at most", async () => {
    const stamps = { createdAt: new Date(), updatedAt: new Date() };
    const { db, newId } = platform.platform;
    const { project, environment, namespace } = place;
    await stop();
    const row = { project, environment, namespace, size: "1Gi", accessMode: "ReadWriteOnce", ...stamps } as const;
    await db
      .insert(volumeClaims)
      .values(Array.from({ length: 998 }, (_, i) => ({ ...row, id: newId(), name: `fill-${i}` })));
    const results = await Promise.all([1, 2, 3, 4].map(() => codeOf(all.create(here))));
    expect(results.sort()).toEqual(["OK", "OK", "ResourceExhausted", "ResourceExhausted"]);
    await db.delete(volumeClaims);
  });
});
