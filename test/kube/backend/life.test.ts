import { X509Certificate } from "node:crypto";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openKube } from "../../../src/kube/client.js";
import { namespaces, nodes } from "../../../src/kube/objects.js";
import type { ClusterObservation, ClusterSpec } from "../../../src/resources/api/cluster/kube.js";
import {
  clusterSpec,
  healthy,
  log,
  observed,
  partition,
  project,
  recorded,
  signal,
  until,
} from "../gardener/garden.js";
import { kinds, startWorld, type World } from "./worlds.js";

function loaded(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config;
}

const isRising = (numbers: readonly number[]) => numbers.every((one, i) => i === 0 || one >= (numbers[i - 1] ?? 0));
const word = ({ type, state }: ClusterObservation) => `${type} ${state}`;

describe.each(kinds)("$name", (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(kind);
  });
  afterAll(() => world.close());

  const ready = async (name: string): Promise<ClusterSpec> => {
    const spec = clusterSpec(name);
    await world.backend.apply(spec, signal);
    await observed(world, spec, healthy);
    return spec;
  };

  test("creates, updates and deletes, and tells every step of it", async () => {
    const spec = clusterSpec("life");
    const { seen, health } = await recorded(world, async (seen) => {
      const version = await world.backend.apply(spec, signal);
      expect(version).toMatch(/^[1-9]\d*$/);
      await until(() => expect(seen.some((one) => word(one) === "Create Succeeded")).toBe(true));
      await until(() => expect(healthy(seen.at(-1) as ClusterObservation)).toBe(true));
      const known = await world.backend.apply({ ...spec, kubernetesVersion: "1.33.2" }, signal);
      const settled = (one: ClusterObservation) =>
        word(one) === "Reconcile Succeeded" && BigInt(one.version) > BigInt(known);
      await until(() => expect(seen.some(settled)).toBe(true));
      expect(await world.backend.remove(spec, signal)).toBe("removing");
      expect(await world.backend.remove(spec, signal)).toBe("removing");
      await until(() => expect(seen.at(-1)?.gone).toBe(true));
      expect(await world.backend.remove(spec, signal)).toBe("gone");
    });
    expect(health).toEqual(["up"]);
    expect(await world.backend.observe(spec, signal)).toBeUndefined();
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([spec.id]));
    const types = seen.map(({ type }) => type);
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual(["Create", "Reconcile", "Delete"]);
    const words = new Set(seen.map(word));
    expect(word(seen[0] as ClusterObservation)).toBe("Create Pending");
    for (const one of ["Create Processing", "Reconcile Processing", "Delete Processing"]) expect(words).toContain(one);
    expect([...words].filter((one) => /Error|Failed|Aborted/.test(one))).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ type: "Delete", state: "Succeeded", progress: 100 });
    expect(seen.findLast(({ type }) => type === "Reconcile")?.kubernetesVersion).toBe("1.33.2");
    expect(isRising(seen.map(({ version }) => Number(version)))).toBe(true);
    const deleted = seen.filter(({ type }) => type === "Delete").map(({ progress }) => progress);
    expect(isRising(deleted)).toBe(true);
    expect(new Set(deleted).size).toBeGreaterThan(3);
  });

  test("more machines, fewer and other ones are ordinary work, and never an error", async () => {
    const spec = clusterSpec("scale");
    const [worker] = spec.workers;
    if (worker === undefined) throw new Error("the cluster has no workers");
    const { seen } = await recorded(world, async () => {
      await world.backend.apply(spec, signal);
      await observed(world, spec, healthy);
      for (const change of [{ minSize: 3 }, { minSize: 1 }, { minSize: 1, machineType: "c1-large-x86" }]) {
        const known = await world.backend.apply({ ...spec, workers: [{ ...worker, ...change }] }, signal);
        const settled = (one: ClusterObservation) => healthy(one) && BigInt(one.version) > BigInt(known);
        await observed(world, spec, settled);
      }
    });
    const words = seen.map(word);
    expect(words).toContain("Reconcile Processing");
    expect(words.filter((one) => /Error|Failed|Aborted/.test(one))).toEqual([]);
  });

  test("reports progress that rises while a cluster is created, and all aspects of its health after", async () => {
    const spec = clusterSpec("rise");
    const { seen } = await recorded(world, async () => {
      await world.backend.apply(spec, signal);
      await observed(world, spec, healthy);
    });
    const created = seen.filter(({ id, type, state }) => id === spec.id && type === "Create" && state === "Processing");
    expect(new Set(created.map(({ progress }) => progress)).size).toBeGreaterThan(3);
    expect(isRising(created.map(({ progress }) => progress))).toBe(true);
    expect(created.every(({ progress, description }) => progress < 100 && description !== "")).toBe(true);
    expect(await world.backend.observe(spec, signal)).toMatchObject({
      id: spec.id,
      gone: false,
      state: "Succeeded",
      progress: 100,
      apiServerReady: "True",
      controlPlaneReady: "True",
      nodesReady: "True",
      systemComponentsReady: "True",
      kubernetesVersion: "1.32.4",
      lastErrors: [],
      labels: { "slipway.dev/cluster": spec.id, "slipway.dev/project": project, "slipway.dev/partition": partition },
      lastUpdateTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  test("applying twice, also at once, makes one object and changes nothing", async () => {
    const spec = clusterSpec("twice");
    const versions = await Promise.all([world.backend.apply(spec, signal), world.backend.apply(spec, signal)]);
    expect(versions).toHaveLength(2);
    const [first] = await world.objectsOf(spec.id);
    await observed(world, spec, healthy);
    const [before] = await world.objectsOf(spec.id);
    await world.backend.apply(spec, signal);
    const after = await world.objectsOf(spec.id);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual([first?.metadata.uid]);
    expect(after[0]?.metadata.generation).toBe(before?.metadata.generation);
  });

  test("machines follow the worker groups, and are none before there is an API server", async () => {
    const spec = clusterSpec("groups");
    expect(await world.backend.machines(spec, signal)).toEqual([]);
    await ready("groups");
    const roles = async () => {
      const machines = await world.backend.machines(spec, signal);
      return machines
        .filter(({ role }) => role !== "control-plane")
        .map(({ role }) => role)
        .sort();
    };
    expect(await roles()).toEqual(["default", "default"]);
    const [worker] = spec.workers;
    if (worker === undefined) throw new Error("the cluster has no workers");
    const workers = [worker, { ...worker, name: "more", minSize: 1, maxSize: 1, maxSurge: 2, maxUnavailable: 1 }];
    await world.backend.apply({ ...spec, workers }, signal);
    await until(async () => expect(await roles()).toEqual(["default", "default", "more"]));
    await world.backend.apply({ ...spec, workers: [worker] }, signal);
    await until(async () => expect(await roles()).toEqual(["default", "default"]));
    const machine = (await world.backend.machines(spec, signal)).find(({ role }) => role === "default");
    expect(machine).toMatchObject({
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      project,
      partition,
      size: "n1-medium-x86",
      state: "Ready",
      liveliness: "Alive",
    });
    await observed(world, spec, healthy);
  });

  test("reconcile is carried out; what cannot be done is answered plainly", async () => {
    const spec = await ready("operate");
    await world.backend.operate(spec, "reconcile", signal);
    await observed(world, spec, ({ state }) => state === "Succeeded");
    await expect(world.backend.operate(spec, "retry", signal)).rejects.toMatchObject({ kind: "precondition" });
    const maintain = world.backend.operate(spec, "maintain", signal);
    if (kind.refusesMaintenance) {
      const message = expect.stringContaining("have no maintenance");
      await expect(maintain).rejects.toMatchObject({ kind: "precondition", message });
    } else {
      await maintain;
    }
    expect((await world.backend.monitoring(spec, signal)) === undefined).toBe(kind.refusesMaintenance);
  });

  test("an object of another cluster with the same name is never touched", async () => {
    const old = clusterSpec("name");
    await world.backend.apply(old, signal);
    const young = { ...old, id: "6f0c2f0e-7f0b-4f0e-9b39-ffffffffffff" };
    await expect(world.backend.apply(young, signal)).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 5000 });
    expect(await world.backend.remove(young, signal)).toBe("gone");
    expect(await world.backend.observe(young, signal)).toBeUndefined();
    expect(await world.backend.machines(young, signal)).toEqual([]);
    await expect(world.backend.operate(young, "reconcile", signal)).rejects.toMatchObject({ kind: "missing" });
    await expect(world.backend.kubeconfig(young, 600, signal)).rejects.toMatchObject({ kind: "precondition" });
    expect((await world.objectsOf(old.id))[0]?.metadata).not.toHaveProperty("deletionTimestamp");
    await world.backend.remove(old, signal);
    await expect(world.backend.apply(old, signal)).rejects.toMatchObject({ kind: "precondition" });
    await until(() => world.backend.apply(young, signal));
    expect(await world.objectsOf(old.id)).toEqual([]);
    expect(await world.objectsOf(young.id)).toHaveLength(1);
  });

  test("what the backend refuses is a precondition that names the field", async () => {
    const spec = await ready("refused");
    const refused = world.backend.apply({ ...spec, kubernetesVersion: "1.99.0" }, signal);
    const message = expect.stringMatching(/spec\.\w+\.version/);
    await expect(refused).rejects.toMatchObject({ kind: "precondition", message });
  });

  test("a kubeconfig has one user with a client certificate, and works for its cluster only", async () => {
    const spec = clusterSpec("access");
    await expect(world.backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject({ kind: "precondition" });
    await world.backend.apply(spec, signal);
    await expect(world.backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject({ kind: "precondition" });
    await observed(world, spec, healthy);
    const text = await world.backend.kubeconfig(spec, 600, signal);
    const config = loaded(text);
    const name = config.currentContext;
    expect(name).toMatch(/^p[0-9a-z]{8}--access-external$/);
    expect(config.users).toMatchObject([{ name, certData: expect.any(String), keyData: expect.any(String) }]);
    expect(config.users[0]?.token).toBeUndefined();
    expect(config.clusters).toMatchObject([{ name: `shoot--${name}` }]);
    expect(config.contexts).toMatchObject([{ name, cluster: `shoot--${name}`, user: name }]);

    const inside = openKube({ kubeconfig: text, log });
    const names = (await inside.list(namespaces)).items.map(({ metadata }) => metadata.name);
    inside.close();
    expect(names).toEqual(expect.arrayContaining(["default", "kube-system"]));
    for (const path of ["", "/clusters/other"]) {
      const elsewhere = text.replace(/(server: https:\/\/[^/]+)\/clusters\/\S+/, `$1${path}`);
      expect(elsewhere).not.toBe(text);
      await expect(loaded(elsewhere).makeApiClient(CoreV1Api).listNode()).rejects.toMatchObject({ code: 403 });
    }
  });

  test.each([
    [600, 600],
    [3600, 3600],
    [86_400, 86_400],
    [1, 600],
    [1_000_000, 86_400],
  ])("a kubeconfig for %i s holds for %i s", async (asked, granted) => {
    const spec = clusterSpec("access");
    const [user] = loaded(await world.backend.kubeconfig(spec, asked, signal)).users;
    const { validFrom, validTo } = new X509Certificate(Buffer.from(user?.certData ?? "", "base64"));
    // It begins a minute early, for clocks that are behind.
    expect((Date.parse(validTo) - Date.parse(validFrom)) / 1000 - 60).toBe(granted);
  });

  test("a kubeconfig no longer holds when its time is up, and others go on", async () => {
    const spec = clusterSpec("access");
    const open = async (seconds: number) =>
      openKube({ kubeconfig: await world.backend.kubeconfig(spec, seconds, signal), log });
    const [brief, long] = [await open(600), await open(7200)];
    expect((await brief.list(nodes)).items.length).toBeGreaterThan(0);
    world.advance(11 * 60_000);
    await expect(brief.list(nodes)).rejects.toMatchObject({ code: 401 });
    expect((await long.list(nodes)).items.length).toBeGreaterThan(0);
    brief.close();
    long.close();
  });
});
