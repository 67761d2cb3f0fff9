import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ConnectionState } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { type KubeObject, namespaces as kind } from "../../../../src/kube/objects.js";
import { settleNamespace } from "../../../../src/resources/deploy/namespace/jobs.js";
import { startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { openTargetProxy, type TargetProxy } from "../target/target-proxy.js";
import { directly, startObserver, targetsOf } from "../target/targets.js";
import { live, namespacesOf, newNamespace } from "./namespaces.js";

let platform: TestPlatform;
let tenant: TestTenant;
let proxy: TargetProxy;
let kube: KubeClient;
let target: string;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  tenant = await platform.newTenant();
  proxy = await openTargetProxy(platform.kube.kubeconfig);
  kube = directly(platform);
  const targets = targetsOf(platform, tenant);
  const stop = startObserver(platform);
  target = (await targets.foreign(proxy.kubeconfig())).uuid;
  await targets.until(target, { connection: ConnectionState.CONNECTED });
  await stop();
});
afterAll(async () => {
  kube.close();
  await proxy.close();
  await platform.close();
});

class Killed extends Error {}

/** A worker that is killed at its nth call to the target: before it is sent, or after it was carried out. */
interface Kill {
  readonly call: number;
  readonly isDone: boolean;
}

function mortal(kill: Kill | undefined): KubeClient {
  const client = openKube({ kubeconfig: platform.kube.kubeconfig, log: platform.platform.log });
  let calls = 0;
  return new Proxy(client, {
    get(inner, name: keyof KubeClient) {
      const method = inner[name] as (...args: unknown[]) => unknown;
      if (name === "close") return method;
      return async (...args: unknown[]) => {
        const isLast = calls++ === kill?.call;
        if (isLast && !kill?.isDone) throw new Killed();
        const answer = await method(...args);
        if (isLast) throw new Killed();
        return answer;
      };
    },
  });
}

/** Runs the job, by a worker that may die at it. */
async function run(id: string, kill?: Kill): Promise<void> {
  const context = { signal: new AbortController().signal, attempt: 1, log: platform.platform.log };
  const job = settleNamespace(platform.platform, () => mortal(kill));
  await job({ id, looks: 0 }, context).catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
}

const kills = fc.array(fc.record({ call: fc.nat({ max: 5 }), isDone: fc.boolean() }), { maxLength: 6 });

it("whenever workers die, what was there before stays and what was made goes, each with the right labels", async () => {
  const all = namespacesOf(platform, tenant);
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.boolean(),
      kills,
      kills,
      kills,
      async (isThere, adopt, making, changing, going) => {
        const name = newNamespace();
        const foreign = { keep: "me", team: "theirs" };
        if (isThere) await kube.create<KubeObject>(kind, { metadata: { name, labels: foreign } });
        const before = (await live(kube, name))?.metadata.uid;
        const { uuid } = await all.create({ target, name, adopt, labels: { team: "ours", gone: "soon" } });
        for (const kill of making) await run(uuid, kill);
        await run(uuid);
        const isRefused = isThere && !adopt;
        const made = await all.get(uuid);
        expect(made.adopted).toBe(isThere && adopt);
        expect((await live(kube, name))?.metadata.labels?.team).toBe(isRefused ? "theirs" : "ours");
        await all.update(uuid, { labels: { labels: { team: "ours", more: "x" } } });
        for (const kill of changing) await run(uuid, kill);
        await run(uuid);
        const labels = (await live(kube, name))?.metadata.labels ?? {};
        expect([labels.more, labels.gone]).toEqual(isRefused ? [undefined, undefined] : ["x", undefined]);
        await all.delete(uuid);
        for (const kill of going) await run(uuid, kill);
        // Kubernetes takes its time to empty it.
        await expect
          .poll(
            async () => {
              await run(uuid);
              return (await all.list(target)).length;
            },
            { timeout: 20_000, interval: 5 },
          )
          .toBe(0);
        const left = (await live(kube, name))?.metadata;
        expect(left?.uid).toBe(before);
        if (isThere) {
          const { "kubernetes.io/metadata.name": _, ...kept } = left?.labels ?? {};
          expect(kept).toEqual(foreign);
        }
      },
    ),
    { numRuns: 40 },
  );
}, 120_000);

it("a namesake that takes the place of a Namespace meanwhile is not touched", async () => {
  const all = namespacesOf(platform, tenant);
  const name = newNamespace();
  const { uuid } = await all.create({ target, name });
  await run(uuid);
  await all.delete(uuid);
  const client = openKube({ kubeconfig: platform.kube.kubeconfig, log: platform.platform.log });
  const context = { signal: new AbortController().signal, attempt: 1, log: platform.platform.log };
  const job = settleNamespace(platform.platform, () => ({
    ...client,
    // Right before the deletion arrives, somebody replaces it.
    async delete(type, place, options) {
      await kube.delete(kind, { name });
      await expect.poll(() => live(kube, name)).toBeUndefined();
      await kube.create<KubeObject>(kind, { metadata: { name } });
      await client.delete(type, place, options);
    },
  }));
  await job({ id: uuid, looks: 0 }, context);
  client.close();
  expect((await live(kube, name))?.metadata.deletionTimestamp).toBeUndefined();
  await all.gone(uuid);
});

it("a job for a namespace or target that is no longer there does nothing", async () => {
  await run("0195c0de-0000-7000-8000-0000000000ff");
  const { rows } = await platform.platform.db.execute(sql`select 1 from target_namespaces`);
  expect(rows).toEqual([]);
});
