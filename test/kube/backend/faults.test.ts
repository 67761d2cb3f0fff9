import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import type { ClusterBackend } from "../../../src/resources/api/cluster/kube.js";
import { clusterSpec, healthy, log, observed, recorded, signal, until } from "../gardener/garden.js";
import { type Fault, openFaultyProxy } from "./faulty-proxy.js";
import { kinds, startWorld, type World } from "./worlds.js";

describe.each(kinds)("$name in trouble", (kind) => {
  let world: World;
  let proxy: Awaited<ReturnType<typeof openFaultyProxy>>;
  let client: KubeClient;
  let backend: ClusterBackend;
  beforeAll(async () => {
    world = await startWorld(kind);
    proxy = await openFaultyProxy(world.embedded.adminKubeconfig);
    client = openKube({ kubeconfig: proxy.kubeconfig, log, timeoutMs: 500 });
    backend = kind.adapter(client, 400);
  });
  afterAll(async () => {
    client.close();
    await proxy.close();
    await world.close();
  });

  /** Follows through the proxy; the changes themselves do not go through it. */
  const following = (run: Parameters<typeof recorded>[1]) => recorded({ backend }, run);

  test("a watch that breaks is taken up again, and nothing is missed", async () => {
    const spec = clusterSpec("broken");
    await following(async (seen, _, synced) => {
      const told = () => [...seen, ...synced.flat()].filter(({ id }) => id === spec.id);
      await world.backend.apply(spec, signal);
      await until(() => expect(told().some(({ progress }) => progress > 0)).toBe(true));
      proxy.dropWatches();
      await until(() => expect(told().some(({ state }) => state === "Succeeded")).toBe(true));
      proxy.dropWatches();
      await world.backend.remove(spec, signal);
      await until(() => expect(seen.at(-1)).toMatchObject({ id: spec.id, gone: true }));
    });
  });

  test.each<[Fault, string, boolean]>([
    ["gone", "gone", false],
    [429, "busy", true],
    [500, "error", true],
    ["hang", "hung", true],
  ])("following survives %s, and learns what happened meanwhile", async (fault, name, isDown) => {
    const [kept, made] = [clusterSpec(name), clusterSpec(`${name}2`)];
    await world.backend.apply(kept, signal);
    await observed(world, kept, healthy);
    await following(async (seen, health, synced) => {
      const told = (id: string, state: string) =>
        [...seen, ...(synced.at(-1) ?? [])].some((one) => one.id === id && one.state === state);
      proxy.begin(fault);
      proxy.dropWatches();
      await world.backend.apply(made, signal);
      await world.backend.remove(kept, signal);
      await until(async () => expect(await world.backend.remove(kept, signal)).toBe("gone"));
      await until(() => expect(proxy.met()).toBeGreaterThan(0));
      if (isDown) await until(() => expect(health.at(-1)).toBe("down"));
      proxy.end();
      await until(() => expect(told(made.id, "Succeeded")).toBe(true));
      await until(() => expect(health.at(-1)).toBe("up"));
      const gone = seen.some(({ id, gone }) => id === kept.id && gone);
      expect(gone || !(synced.at(-1) ?? []).some(({ id }) => id === kept.id)).toBe(true);
    });
  });

  test.each<[Fault]>([[429], [500], ["hang"]])(
    "%s is unavailable for every call, and the next one works",
    async (fault) => {
      const spec = clusterSpec(`c${fault}`);
      proxy.begin(fault);
      const unavailable = { kind: "unavailable" };
      await expect(backend.apply(spec, signal)).rejects.toMatchObject(unavailable);
      await expect(backend.remove(spec, signal)).rejects.toMatchObject(unavailable);
      await expect(backend.observe(spec, signal)).rejects.toMatchObject(unavailable);
      await expect(backend.operate(spec, "reconcile", signal)).rejects.toMatchObject(unavailable);
      await expect(backend.kubeconfig(spec, 600, signal)).rejects.toMatchObject(unavailable);
      await expect(backend.machines(spec, signal)).rejects.toMatchObject(unavailable);
      proxy.end();
      await backend.apply(spec, signal);
      expect(await backend.observe(spec, signal)).toMatchObject({ id: spec.id });
    },
  );

  test("a call that its caller gives up ends at once, with the caller's reason", async () => {
    proxy.begin("hang");
    const stop = new AbortController();
    const reason = new Error("nobody waits any more");
    const call = backend.observe(clusterSpec("given"), stop.signal);
    stop.abort(reason);
    await expect(call).rejects.toBe(reason);
    proxy.end();
  });
});
