import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ClusterService, type ClusterStatus, Operate } from "../../gen/ts/api/v1/cluster_pb.js";
import { HealthService, ServiceStatus } from "../../gen/ts/api/v1/health_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/ts/grpc/health/v1/health_pb.js";
import { as, startPlatform, startTestKube, type TestKube, type TestPlatform } from "../support/platform.js";
import { shoots, shootsOf } from "./support/site.js";
import { openWire, type Wire } from "./support/wire.js";

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });

let directory: string;
let platform: TestPlatform;
let kube: TestKube;

/** What lies between the platform and its Kubernetes. */
let wire: Wire;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-kube-"));
  const reroute = async (kubeconfig: string): Promise<string> => {
    const [address, port] = /127\.0\.0\.1:(\d+)/.exec(kubeconfig) ?? [];
    wire = await openWire(Number(port));
    return kubeconfig.replaceAll(address ?? "", `127.0.0.1:${wire.port}`);
  };
  platform = await startPlatform({ kubeDirectory: directory, reroute });
  kube = platform.kube;
});
afterAll(async () => {
  await platform.close();
  await kube.close();
  await wire.close();
  await rm(directory, { recursive: true, force: true });
});

const clusters = () => platform.client(ClusterService);
const editor = () => as(platform.tokens.editor);

async function create(name: string): Promise<string> {
  const { cluster } = await clusters().create({ project: platform.project, name }, editor());
  return cluster?.uuid ?? "";
}

async function status(uuid: string): Promise<ClusterStatus | undefined> {
  return (await clusters().get({ project: platform.project, uuid }, editor())).cluster?.status;
}

const succeeded = (uuid: string) =>
  until(async () => expect(await status(uuid)).toMatchObject({ state: "Succeeded", progress: 100 }));

const deleted = (uuid: string) =>
  until(async () => expect(await status(uuid).catch(ConnectError.from)).toMatchObject({ code: Code.NotFound }));

/** Closes the API server; what it holds stays on disk. */
const goAway = () => kube.close();

/** Starts it again where it was. */
async function comeBack(): Promise<void> {
  kube = await startTestKube(100, { directory, port: Number(new URL(kube.embedded.url).port) });
}

const health = async () => (await platform.client(HealthService).get({})).health?.services[0];
const waitForHealth = (wanted: ServiceStatus) =>
  until(async () =>
    expect(await health()).toMatchObject({
      status: wanted,
      message: wanted === ServiceStatus.HEALTHY ? "" : expect.stringContaining("eqx-mu4"),
      partitions: { "eqx-mu4": { status: wanted } },
    }),
  );

/** Collects what a WatchStatus stream tells. */
function watch(request: { uuid?: string }) {
  const stop = new AbortController();
  const told: string[] = [];
  const ended = (async () => {
    const options = { ...as(platform.tokens.viewer), signal: stop.signal };
    // A connection of its own: ending it must not touch the other calls.
    const stream = platform
      .client(ClusterService, createGrpcTransport({ baseUrl: platform.url }))
      .watchStatus({ project: platform.project, ...request }, options);
    for await (const { status } of stream) told.push(`${status?.type} ${status?.state}`);
  })().then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  return { told, ended, stop: () => stop.abort() };
}

describe("while Kubernetes is away", () => {
  test("the platform answers, takes writes, and says that it is degraded", async () => {
    const old = await create("old");
    const doomed = await create("doomed");
    await succeeded(old);
    await succeeded(doomed);
    await waitForHealth(ServiceStatus.HEALTHY);
    const reader = watch({});
    await until(() => expect(reader.told).toHaveLength(2));

    await goAway();
    await waitForHealth(ServiceStatus.DEGRADED);
    expect((await fetch(`${platform.url}/readyz`)).status).toBe(200);
    expect(await platform.client(Health).check({ service: "" })).toMatchObject({ status: Serving.SERVING });
    expect(await status(old)).toMatchObject({ state: "Succeeded" });
    const { clusters: listed } = await clusters().list({ project: platform.project }, editor());
    expect(listed.map(({ name }) => name)).toEqual(["doomed", "old"]);
    const refused = await clusters()
      .getCredentials({ project: platform.project, uuid: old }, editor())
      .catch(ConnectError.from);
    expect(refused).toMatchObject({ code: Code.Unavailable });

    const made = await create("made");
    expect(await status(made)).toMatchObject({ type: "Create", state: "Pending" });
    const { cluster } = await clusters().update(
      {
        project: platform.project,
        uuid: old,
        workers: [{ name: "group-0", machineType: "n1-medium-x86", minsize: 2, maxsize: 4 }],
      },
      editor(),
    );
    expect(cluster?.status).toMatchObject({ type: "Reconcile", state: "Pending" });
    await clusters().delete({ project: platform.project, uuid: doomed }, editor());
    expect(await status(doomed)).toMatchObject({ type: "Delete", state: "Pending" });

    await comeBack();
    await waitForHealth(ServiceStatus.HEALTHY);
    await succeeded(made);
    await succeeded(old);
    await deleted(doomed);
    expect(shootsOf(kube, made)).toHaveLength(1);
    expect(shootsOf(kube, doomed)).toHaveLength(0);
    expect(shootsOf(kube, old)[0]?.spec).toMatchObject({ provider: { workers: [{ minimum: 2, maximum: 4 }] } });
    // The reader has stayed through it all.
    await until(() => expect(reader.told).toContain("Delete Succeeded"));
    reader.stop();
    expect(await reader.ended).toMatchObject({ code: Code.Canceled });
  });

  test("an operation asked for meanwhile is passed on afterwards", async () => {
    const uuid = await create("operated");
    await succeeded(uuid);
    const generation = shootsOf(kube, uuid)[0]?.metadata.generation ?? 0;
    await goAway();
    await clusters().operate({ project: platform.project, uuid, operate: Operate.RECONCILE }, editor());
    await comeBack();
    await until(() => expect(shootsOf(kube, uuid)[0]?.metadata.generation).toBe(generation + 1));
    await succeeded(uuid);
  });

  const absences: [string, () => Promise<void>, () => Promise<void>][] = [
    ["its server is started again", goAway, comeBack],
    // The server has not forgotten where the watch was: nothing is read again.
    ["the way to it is open again", () => wire.cut(), () => wire.restore()],
  ];
  test.each(absences)(
    "work whose next attempt is hours away goes out as soon as %s",
    async (_, away, back) => {
      await waitForHealth(ServiceStatus.HEALTHY);
      await away();
      await waitForHealth(ServiceStatus.DEGRADED);
      const uuid = await create(`p${Math.random().toString(36).slice(2, 8)}`);
      const { db } = platform.platform;
      // Its first attempt has failed, and then so many that the next one is far away.
      await until(async () => {
        const { rows } = await db.execute(sql`
        update graphile_worker._private_jobs set run_at = now() + interval '6 hours', attempts = 20
        where key = ${`cluster.reconcile:${uuid}`} and attempts > 0 and locked_at is null
        returning id`);
        expect(rows).toHaveLength(1);
      });
      await back();
      await succeeded(uuid);
      expect(shootsOf(kube, uuid)).toHaveLength(1);
    },
    60_000,
  );

  test("a way that swallows everything is given up in time, and work goes on afterwards", {
    timeout: 60_000,
  }, async () => {
    const old = await create("swallowed");
    await succeeded(old);
    wire.freeze();
    const refused = await clusters()
      .getCredentials({ project: platform.project, uuid: old }, { ...editor(), timeoutMs: 20_000 })
      .catch(ConnectError.from);
    expect(refused).toMatchObject({ code: Code.Unavailable });
    const uuid = await create("later");
    await wire.restore();
    await succeeded(uuid);
    expect(shootsOf(kube, uuid)).toHaveLength(1);
  });
});

/** Waits for another Shoot of the cluster than the one with that uid. */
const madeAgain = (uuid: string, uid: string) =>
  until(() => {
    const [again] = shootsOf(kube, uuid);
    expect(again?.metadata.uid).toBeDefined();
    expect(again?.metadata.uid).not.toBe(uid);
  });

test("a Shoot that is deleted behind Slipway's back is made again, once", async () => {
  const uuid = await create("robbed");
  await succeeded(uuid);
  const [shoot] = shootsOf(kube, uuid);
  const { name, namespace, uid } = shoot!.metadata;
  const reader = watch({ uuid });
  await kube.embedded.store.modify({ ...shoots, name, namespace }, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, "confirmation.gardener.cloud/deletion": "true" };
  });
  await kube.embedded.store.delete({ ...shoots, name, namespace });
  await madeAgain(uuid, uid);
  await succeeded(uuid);
  expect(shootsOf(kube, uuid)).toHaveLength(1);
  await until(() => expect(reader.told.at(-1)).toBe("Create Succeeded"));
  reader.stop();
  await reader.ended;
});

test("a Shoot that vanishes while nobody looks is made again", async () => {
  const uuid = await create("lost");
  await succeeded(uuid);
  const [shoot] = shootsOf(kube, uuid);
  const { name, namespace, uid } = shoot!.metadata;
  await goAway();
  await waitForHealth(ServiceStatus.DEGRADED);
  await comeBack();
  // Before Slipway has connected again: it learns of the deletion only by what it does not find.
  await kube.embedded.store.modify({ ...shoots, name, namespace }, (draft) => {
    draft.metadata.finalizers = [];
  });
  await kube.embedded.store.delete({ ...shoots, name, namespace });
  await madeAgain(uuid, uid);
  await succeeded(uuid);
  expect(shootsOf(kube, uuid)).toHaveLength(1);
});
