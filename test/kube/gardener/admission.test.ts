import { CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubeError } from "../../../src/kube/errors.js";
import {
  type CredentialsBinding,
  credentialsBindings,
  gardenerProjects,
  type Shoot,
  shoots,
} from "../../../src/resources/api/cluster/gardener-types.js";
import { clusterSpec, type Garden, getShoot, healthy, namespace, observed, signal, startGarden } from "./garden.js";

let garden: Garden;
const base = clusterSpec("base");

beforeAll(async () => {
  garden = await startGarden();
  await garden.backend.apply(base, signal);
  await observed(garden, base, healthy);
});

afterAll(() => garden.close());

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("the call should have been refused"),
    (error: unknown) => error as KubeError,
  );

/** A Shoot that would be accepted, with changes. */
async function draft(change: (shoot: Shoot) => void, name = "fresh"): Promise<Shoot> {
  const { spec } = await getShoot(garden.client, "base");
  const shoot: Shoot = { metadata: { name, namespace }, spec: structuredClone(spec) };
  change(shoot);
  return shoot;
}

const worker = (shoot: Shoot) => shoot.spec.provider.workers[0]!;

test.each<[string, (shoot: Shoot) => void]>([
  ["metadata.name", (shoot) => (shoot.metadata.name = "thirteen-long")],
  ["metadata.name", (shoot) => (shoot.metadata.name = "a--b")],
  ["spec.region", (shoot) => (shoot.spec.region = "mars")],
  ["spec.region", (shoot) => delete (shoot.spec as Partial<Shoot["spec"]>).region],
  ["spec.cloudProfile.name", (shoot) => (shoot.spec.cloudProfile.name = "other")],
  ["spec.kubernetes.version", (shoot) => (shoot.spec.kubernetes.version = "1.32.5")],
  ["spec.kubernetes.version", (shoot) => (shoot.spec.kubernetes.version = "1.30.1")],
  ["spec.kubernetes.version", (shoot) => (shoot.spec.kubernetes = {} as { version: string })],
  ["spec.provider.type", (shoot) => (shoot.spec.provider.type = "aws")],
  ["spec.provider.workers", (shoot) => (shoot.spec.provider.workers = [])],
  ["spec.provider.workers", (shoot) => (worker(shoot).minimum = 0)],
  ["spec.provider.workers[0].maximum", (shoot) => (worker(shoot).maximum = 1)],
  ["spec.provider.workers[0].minimum", (shoot) => (worker(shoot).minimum = -1)],
  ["spec.provider.workers[0].name", (shoot) => (worker(shoot).name = "Upper")],
  ["spec.provider.workers[0].name", (shoot) => (worker(shoot).name = "sixteen-letters-")],
  ["spec.provider.workers[0].machine.type", (shoot) => (worker(shoot).machine.type = "huge")],
  [
    "spec.provider.workers[0].maxUnavailable",
    (shoot) => Object.assign(worker(shoot), { maxSurge: 0, maxUnavailable: 0 }),
  ],
  ["spec.provider.workers[1].name", (shoot) => shoot.spec.provider.workers.push(worker(shoot))],
  ["spec.purpose", (shoot) => (shoot.spec.purpose = "fun")],
  ["spec.credentialsBindingName", (shoot) => delete shoot.spec.credentialsBindingName],
  ["spec.networking.type", (shoot) => delete shoot.spec.networking],
  ["spec.maintenance.timeWindow", (shoot) => (shoot.spec.maintenance.timeWindow.end = "220001+0000")],
  ["spec.maintenance.timeWindow.begin", (shoot) => (shoot.spec.maintenance.timeWindow.begin = "25:00")],
])("a Shoot with a wrong %s is refused with 422", async (field, change) => {
  const error = await failure(garden.client.create(shoots, await draft(change)));
  expect(error).toMatchObject({ code: 422, reason: "Invalid" });
  expect(error.details.map((cause) => cause.field)).toContain(field);
});

test.each<[string, unknown]>([
  ["spec.region", { region: "bln" }],
  ["spec.kubernetes.version", { kubernetes: { version: "1.31.9" } }],
  ["spec.kubernetes.version", { kubernetes: { version: "1.34.1" } }],
  ["spec.provider.type", { provider: { type: "aws" } }],
  ["spec.networking.pods", { networking: { pods: "10.0.0.0/8" } }],
])("a change of %s to %j is refused with 422", async (field, spec) => {
  const error = await failure(garden.client.mergePatch(shoots, { name: "base", namespace }, { spec }));
  expect(error.code).toBe(422);
  expect(error.details.map((cause) => cause.field)).toContain(field);
});

test("a credentials binding that is not there is refused with 403", async () => {
  const shoot = await draft(({ spec }) => {
    spec.credentialsBindingName = "other";
  });
  expect((await failure(garden.client.create(shoots, shoot))).code).toBe(403);
  const binding = await garden.client.get<CredentialsBinding>(credentialsBindings, { name: "slipway", namespace });
  expect(binding).toMatchObject({
    provider: { type: "metal" },
    credentialsRef: { kind: "Secret", namespace: "garden" },
  });
});

test("a creation wipes the status and begins with generation 1 and defaults", async () => {
  const shoot = await draft((made) => {
    made.status = { technicalID: "forged", lastOperation: { type: "Create", state: "Succeeded" } };
    delete (made.spec as Partial<Shoot["spec"]>).maintenance;
  }, "wiped");
  const made = await garden.client.create(shoots, shoot);
  expect(made.status).toBeUndefined();
  expect(made.metadata).toMatchObject({ generation: 1, finalizers: ["gardener"] });
  expect(made.spec.maintenance.autoUpdate).toEqual({ kubernetesVersion: true, machineImageVersion: true });
  expect(worker(made)).toMatchObject({ maxSurge: 1, maxUnavailable: 0, machine: { image: { name: "debian" } } });
});

test("the deletion of a Shoot or Project needs a confirmation, and a Project must be empty", async () => {
  const shoot = await getShoot(garden.client, "base");
  const place = { name: "base", namespace };
  expect((await failure(garden.client.delete(shoots, place))).code).toBe(403);
  expect((await failure(garden.client.delete(shoots, place, { uid: "other" }))).code).toBe(403);
  expect((await getShoot(garden.client, "base")).metadata.resourceVersion).toBe(shoot.metadata.resourceVersion);

  const confirmation = { metadata: { annotations: { "confirmation.gardener.cloud/deletion": "true" } } };
  const project = { name: namespace.replace("garden-", "") };
  expect((await failure(garden.client.delete(gardenerProjects, project))).code).toBe(403);
  await garden.client.mergePatch(gardenerProjects, project, confirmation);
  expect((await failure(garden.client.delete(gardenerProjects, project))).code).toBe(403);
});

test("an empty Project goes with its namespace", async () => {
  const annotations = { "confirmation.gardener.cloud/deletion": "true" };
  await garden.client.create(gardenerProjects, { metadata: { name: "empty", annotations } });
  const { store } = garden.embedded;
  const gone = async (present: boolean) => {
    const find = () => store.get({ group: "", resource: "namespaces", name: "garden-empty" }) !== undefined;
    await expect.poll(find).toBe(present);
  };
  await gone(true);
  await garden.client.delete(gardenerProjects, { name: "empty" });
  await gone(false);
  await expect
    .poll(() => store.get({ group: "core.gardener.cloud", resource: "projects", name: "empty" }))
    .toBeUndefined();
});

test.each(["elevenchars", "Upper", "1st"])("a project cannot be called %s", async (name) => {
  expect((await failure(garden.client.create(gardenerProjects, { metadata: { name } }))).code).toBe(422);
});

test("a replacement without a resourceVersion is refused, a stale one conflicts", async () => {
  const config = new KubeConfig();
  config.loadFromString(garden.embedded.adminKubeconfig);
  const api = config.makeApiClient(CustomObjectsApi);
  const shoot = await getShoot(garden.client, "base");
  const { resourceVersion: _, ...metadata } = shoot.metadata;
  const target = { group: "core.gardener.cloud", version: "v1beta1", namespace, plural: "shoots", name: "base" };
  const replace = (body: unknown) => api.replaceNamespacedCustomObject({ ...target, body });
  await expect(replace({ ...shoot, metadata })).rejects.toMatchObject({ code: 422 });
  await expect(replace({ ...shoot, metadata: { ...metadata, resourceVersion: "1" } })).rejects.toMatchObject({
    code: 409,
  });
});

test("operations are taken off at once, and only what is accepted raises the generation", async () => {
  const place = { name: "base", namespace };
  const ask = (operation: string) =>
    garden.client.mergePatch<Shoot>(shoots, place, {
      metadata: { annotations: { "gardener.cloud/operation": operation } },
    });
  const before = (await getShoot(garden.client, "base")).metadata.generation ?? 0;
  const retried = await ask("retry");
  expect(retried.metadata.annotations).not.toHaveProperty("gardener.cloud/operation");
  expect(retried.metadata.generation).toBe(before);
  const reconciled = await ask("reconcile");
  expect(reconciled.metadata.annotations).not.toHaveProperty("gardener.cloud/operation");
  expect(reconciled.metadata.generation).toBe(before + 1);
  expect((await failure(ask("explode"))).code).toBe(422);
});

test("a wrong fault injection is refused, not silently ignored", async () => {
  const annotations = { "simulator.slipway.dev/fail": "workers:ERR_X" };
  const error = await failure(
    garden.client.mergePatch(shoots, { name: "base", namespace }, { metadata: { annotations } }),
  );
  expect(error.code).toBe(422);
});

test("kubeconfig requests know their limits", async () => {
  const ask = (seconds: unknown, kind = "AdminKubeconfigRequest", path = "adminkubeconfig") =>
    garden.client.createSubresource<{ spec: { expirationSeconds: number }; status: { expirationTimestamp: string } }>(
      shoots,
      { name: "base", namespace },
      path,
      { apiVersion: "authentication.gardener.cloud/v1alpha1", kind, spec: { expirationSeconds: seconds } },
    );
  expect((await failure(ask(599))).code).toBe(422);
  expect((await failure(ask("soon"))).code).toBe(422);
  expect((await ask(999_999)).spec.expirationSeconds).toBe(86_400);
  const { status } = await ask(600, "ViewerKubeconfigRequest", "viewerkubeconfig");
  const seconds = (Date.parse(status.expirationTimestamp) - Date.now()) / 1000;
  expect(seconds).toBeGreaterThan(500);
  expect(seconds).toBeLessThan(700);
});
