import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import {
  createDataPlanes,
  type DataPlanes,
  dataPlaneExtension,
} from "../../../src/kube/embedded/data-plane/data-planes.js";
import type { VirtualCluster } from "../../../src/kube/embedded/embedded-kube.js";
import { KubeError } from "../../../src/kube/errors.js";
import { nodes } from "../../../src/kube/objects.js";
import { startKube, type TestKube } from "./support.js";

let kube: TestKube;
let planes: DataPlanes;
let cluster: VirtualCluster;
let client: KubeClient;
const core = "/clusters/one/api/v1";
const summaryOf = (node: string) => `${core}/nodes/${node}/proxy/stats/summary`;
const GiB = 1024 ** 3;

beforeAll(async () => {
  kube = await startKube({ extensions: [dataPlaneExtension] });
  const log = { error: (fields: object) => console.error(fields), warn: () => undefined };
  planes = createDataPlanes({ clock: () => new Date(), log });
  cluster = await kube.createCluster("one");
  await planes.start(cluster);
  for (const [name, status] of [
    ["node-a", "True"],
    ["node-b", "False"],
  ] as const) {
    const conditions = [{ type: "Ready", status }];
    await cluster.store.create({ group: "", resource: "nodes" }, { metadata: { name }, status: { conditions } });
  }
  const { yaml } = await kube.kubeconfig({ user: "admin", groups: ["cluster:one"], cluster: "one" });
  client = openKube({ kubeconfig: yaml, log: pino({ level: "silent" }) });
});
afterAll(async () => {
  client.close();
  await planes.stopAll();
  await kube.close();
});

const send = async (method: string, path: string, body: object, type = "application/json") => {
  const answer = await kube.send(method, path, { body, type });
  expect(answer.code, answer.text).toBeLessThan(300);
  return answer.json;
};
const get = async (path: string) => (await kube.send("GET", path)).json;
const inDefault = (plural: string) => `${core}/namespaces/default/${plural}`;
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

const newClaim = (name: string, spec: object = {}) =>
  send("POST", inDefault("persistentvolumeclaims"), {
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } }, ...spec },
  });
const newPod = (name: string, claimName: string) =>
  send("POST", inDefault("pods"), {
    metadata: { name },
    spec: {
      containers: [{ name: "main", image: "busybox" }],
      volumes: [
        { name: "scratch", emptyDir: {} },
        { name: "data", persistentVolumeClaim: { claimName } },
      ],
    },
  });
const volumeOf = (claim: string) =>
  eventually(async () => {
    const { items } = await get(`${core}/persistentvolumes`);
    const found = items.find((one: { spec: { claimRef: { name: string } } }) => one.spec.claimRef.name === claim);
    expect(found).toBeDefined();
    return found;
  });
const annotate = (volume: string, used: string) =>
  send(
    "PATCH",
    `${core}/persistentvolumes/${volume}`,
    { metadata: { annotations: { "simulator.slipway.dev/used-bytes": used } } },
    "application/merge-patch+json",
  );
/** What the kubelet of node-a says of the volumes of a pod. */
const reported = async (pod: string) => {
  const { pods } = await get(summaryOf("node-a"));
  return pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === pod)?.volume;
};

describe("stats/summary of a simulated node", () => {
  it("says what is in use on the volumes of its pods", async () => {
    await newClaim("used");
    await newPod("user", "used");
    await eventually(async () => expect(await reported("user")).toHaveLength(1));
    expect(await reported("user")).toEqual([
      {
        name: "data",
        pvcRef: { name: "used", namespace: "default" },
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        capacityBytes: 2 * GiB,
        usedBytes: 24_576,
        availableBytes: 2 * GiB - 24_576,
      },
    ]);
    const volume = await volumeOf("used");
    await annotate(volume.metadata.name, String(GiB));
    expect(await reported("user")).toMatchObject([{ usedBytes: GiB, availableBytes: GiB }]);
    await annotate(volume.metadata.name, "999999999999999");
    expect(await reported("user")).toMatchObject([{ usedBytes: 2 * GiB, availableBytes: 0 }]);
    await annotate(volume.metadata.name, "much");
    expect(await reported("user")).toMatchObject([{ usedBytes: 24_576 }]);
  });

  it("shows what a snapshot held on the volume that is restored from it", async () => {
    await newClaim("source");
    const source = await volumeOf("source");
    await annotate(source.metadata.name, String(GiB));
    const snapshots = "/clusters/one/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots";
    await send("POST", snapshots, {
      metadata: { name: "copy" },
      spec: { source: { persistentVolumeClaimName: "source" } },
    });
    const dataSource = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "copy" };
    await newClaim("restored", { dataSource });
    expect((await volumeOf("restored")).metadata.annotations).toMatchObject({
      "simulator.slipway.dev/used-bytes": String(GiB),
    });
  });

  it("is not there for a node that is not ready, unknown nodes, other objects, and writes", async () => {
    expect((await kube.send("GET", summaryOf("node-b"))).code).toBe(503);
    for (const path of [
      summaryOf("node-c"),
      `${core}/nodes/node-a/proxy/stats/other`,
      `${core}/nodes/proxy/stats/summary`,
      `${core}/persistentvolumes/node-a/proxy/stats/summary`,
      `${core}/namespaces/default/nodes/node-a/proxy/stats/summary`,
      "/api/v1/nodes/node-a/proxy/stats/summary",
    ]) {
      expect((await kube.send("GET", path)).code, path).toBe(404);
    }
    expect((await kube.send("POST", summaryOf("node-a"), { body: {} })).code).toBe(405);
    expect((await kube.send("GET", summaryOf("node-a"), { kubeconfig: "none" })).code).toBe(401);
  });

  it("can be read by a client, up to a size", async () => {
    const read = (maxBytes?: number) => client.getBelow(nodes, { name: "node-a" }, "proxy/stats/summary", { maxBytes });
    expect(await read()).toMatchObject({ node: { nodeName: "node-a" } });
    await expect(read(10)).rejects.toThrow(KubeError);
    await expect(client.getBelow(nodes, { name: "node-b" }, "proxy/stats/summary")).rejects.toMatchObject({
      code: 503,
    });
  });
});
