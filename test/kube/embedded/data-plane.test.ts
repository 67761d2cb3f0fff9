import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createDataPlanes,
  type DataPlanes,
  dataPlaneExtension,
} from "../../../src/kube/embedded/data-plane/data-planes.js";
import type { VirtualCluster } from "../../../src/kube/embedded/embedded-kube.js";
import { startKube, type TestKube } from "./support.js";

let kube: TestKube;
let planes: DataPlanes;
let cluster: VirtualCluster;
const root = "/clusters/one";
const snapshotApi = `${root}/apis/snapshot.storage.k8s.io/v1`;
const core = `${root}/api/v1`;

beforeAll(async () => {
  kube = await startKube({ extensions: [dataPlaneExtension] });
  const log = { error: (fields: object) => console.error(fields), warn: () => undefined };
  planes = createDataPlanes({ clock: () => new Date(), log });
  cluster = await kube.createCluster("one");
  await planes.start(cluster);
  await cluster.store.create(
    { group: "", resource: "nodes" },
    { metadata: { name: "node-a" }, status: { conditions: [{ type: "Ready", status: "True" }] } },
  );
});
afterAll(async () => {
  await planes.stopAll();
  await kube.close();
});

const create = async (path: string, body: object) => {
  const answer = await kube.send("POST", path, { body });
  expect(answer.code, answer.text).toBe(201);
  return answer.json;
};
const get = async (path: string) => (await kube.send("GET", path)).json;
const eventually = <R>(check: () => Promise<R>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const claims = `${core}/namespaces/default/persistentvolumeclaims`;
const pods = `${core}/namespaces/default/pods`;

const newClaim = (name: string, spec: object = {}) =>
  create(claims, {
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } }, ...spec },
  });
const newPod = (name: string, claim: string) =>
  create(pods, {
    metadata: { name },
    spec: {
      containers: [{ name: "main", image: "busybox" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
    },
  });
const bound = (name: string) =>
  eventually(async () => {
    const claim = await get(`${claims}/${name}`);
    expect(claim.status).toMatchObject({ phase: "Bound", capacity: { storage: "2Gi" } });
    return await get(`${core}/persistentvolumes/${claim.spec.volumeName}`);
  });

describe("a simulated data plane", () => {
  it("binds a claim of the default class to a new volume with a handle that is a uuid", async () => {
    await newClaim("first");
    const volume = await bound("first");
    expect(volume.spec).toMatchObject({ storageClassName: "standard", claimRef: { name: "first" } });
    expect(volume.spec.csi.volumeHandle).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(volume.status.phase).toBe("Bound");
  });

  it("binds the claims that a StatefulSet makes, and protects them", async () => {
    const labels = { app: "db" };
    await create(`${root}/apis/apps/v1/namespaces/default/statefulsets`, {
      metadata: { name: "db" },
      spec: {
        serviceName: "db",
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "db", image: "postgres" }] } },
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } },
          },
        ],
      },
    });
    const volume = await bound("data-db-0");
    expect(volume.spec.storageClassName).toBe("standard");
    expect((await get(`${claims}/data-db-0`)).metadata.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
  });

  it("leaves claims of other drivers alone", async () => {
    await newClaim("foreign", { storageClassName: "somebody-elses" });
    await newClaim("next");
    await bound("next");
    expect((await get(`${claims}/foreign`)).status.phase).toBe("Pending");
  });

  it("runs a pod on a node, attaches its volume, and holds the claim until the pod is gone", async () => {
    await newClaim("used");
    const volume = await bound("used");
    await newPod("user", "used");
    await eventually(async () => expect((await get(`${pods}/user`)).status.phase).toBe("Running"));
    const attachments = `${root}/apis/storage.k8s.io/v1/volumeattachments`;
    const ours = async () =>
      (await get(attachments)).items.filter(
        (one: { spec: { source: { persistentVolumeName: string } } }) =>
          one.spec.source.persistentVolumeName === volume.metadata.name,
      );
    await eventually(async () =>
      expect(await ours()).toMatchObject([{ spec: { nodeName: "node-a" }, status: { attached: true } }]),
    );
    await kube.send("DELETE", `${claims}/used`);
    expect((await get(`${claims}/used`)).metadata.deletionTimestamp).toBeDefined();
    await kube.send("DELETE", `${pods}/user`);
    await eventually(async () => expect((await kube.send("GET", `${claims}/used`)).code).toBe(404));
    await eventually(async () => expect(await ours()).toEqual([]));
    await eventually(async () =>
      expect((await kube.send("GET", `${core}/persistentvolumes/${volume.metadata.name}`)).code).toBe(404),
    );
  });

  it("keeps the volume of a class that retains", async () => {
    await newClaim("kept", { storageClassName: "retained" });
    const volume = await bound("kept");
    await kube.send("DELETE", `${claims}/kept`);
    await eventually(async () => {
      const left = await get(`${core}/persistentvolumes/${volume.metadata.name}`);
      expect(left.status.phase).toBe("Released");
    });
  });

  it("takes a snapshot, restores it into a larger claim only, and removes it", async () => {
    await newClaim("source");
    await bound("source");
    const path = `${snapshotApi}/namespaces/default/volumesnapshots`;
    await create(path, { metadata: { name: "snap" }, spec: { source: { persistentVolumeClaimName: "source" } } });
    const status = await eventually(async () => {
      const snapshot = await get(`${path}/snap`);
      expect(snapshot.status).toMatchObject({ readyToUse: true, restoreSize: "2Gi" });
      return snapshot.status;
    });
    const contentPath = `${snapshotApi}/volumesnapshotcontents/${status.boundVolumeSnapshotContentName}`;
    expect((await get(contentPath)).status).toMatchObject({ restoreSize: 2 * 1024 ** 3, readyToUse: true });
    const dataSource = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "snap" };
    await newClaim("small", { dataSource, resources: { requests: { storage: "1Gi" } } });
    await newClaim("restored", { dataSource });
    await bound("restored");
    expect((await get(`${claims}/small`)).status.phase).toBe("Pending");
    await kube.send("DELETE", `${path}/snap`);
    await eventually(async () => expect((await kube.send("GET", contentPath)).code).toBe(404));
  });

  it("gives a Service the address that it asks for, or one that is free, and takes it back with the pool", async () => {
    const pools = `${root}/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools`;
    await create(pools, { metadata: { name: "ours" }, spec: { addresses: ["192.0.2.7/32", "192.0.2.8/32"] } });
    const services = `${core}/namespaces/default/services`;
    const service = (name: string, annotations = {}) =>
      create(services, { metadata: { name, annotations }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } });
    await service("asked", { "metallb.io/loadBalancerIPs": "192.0.2.8" });
    await service("any");
    await service("third");
    const ingress = async (name: string) => (await get(`${services}/${name}`)).status?.loadBalancer?.ingress;
    await eventually(async () => expect(await ingress("asked")).toEqual([{ ip: "192.0.2.8" }]));
    await eventually(async () =>
      expect([await ingress("any"), await ingress("third")]).toContainEqual([{ ip: "192.0.2.7" }]),
    );
    expect([await ingress("any"), await ingress("third")]).toContainEqual(undefined);
    await kube.send("DELETE", `${pools}/ours`);
    await eventually(async () => expect(await ingress("asked")).toBeUndefined());
  });

  it("does nothing more once it was stopped", async () => {
    await planes.stop("one");
    await newClaim("late");
    await planes.start(cluster);
    await bound("late");
  });
});
