import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { hasKubectl } from "../../../support/kubectl.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../support/storage.js";

const claim = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } } },
};
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "shop" },
  spec: {
    containers: [{ name: "main", image: "busybox", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
  },
};
const snapshot = {
  apiVersion: "snapshot.storage.k8s.io/v1",
  kind: "VolumeSnapshot",
  metadata: { name: "nightly" },
  spec: { source: { persistentVolumeClaimName: "data" } },
};

describe.skipIf(!hasKubectl)("what kubectl makes in a cluster", () => {
  let world: StorageWorld;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-kubectl-"));
    world = await openStorageWorld();
    await writeFile(join(directory, "kubeconfig.yaml"), world.kubeconfig, { mode: 0o600 });
  }, 120_000);
  afterAll(async () => {
    await world.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Runs kubectl with the kubeconfig that the API gave; answers what it prints. */
  const kubectl = (args: string, input = "") =>
    new Promise<string>((resolve, reject) => {
      const env = { ...process.env, KUBECONFIG: join(directory, "kubeconfig.yaml"), HOME: directory };
      const child = execFile("kubectl", args.split(" "), { env, timeout: 20_000 }, (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new Error(`kubectl ${args}: ${err}`));
      });
      child.stdin?.end(input);
    });

  test("a claim, a pod and a snapshot show as a volume, its place and a snapshot, until they are deleted", async () => {
    await kubectl("apply -f -", [claim, pod, snapshot].map((object) => stringify(object)).join("---\n"));
    await kubectl("wait pvc/data --for=jsonpath={.status.phase}=Bound --timeout=10s");
    await kubectl("wait pod/shop --for=condition=Ready --timeout=10s");
    await kubectl("wait volumesnapshot/nightly --for=jsonpath={.status.readyToUse}=true --timeout=10s");
    const node = await kubectl("get pod shop -o jsonpath={.spec.nodeName}");
    const name = await kubectl("get pvc data -o jsonpath={.spec.volumeName}");
    const volume = await world.volume("data", ({ attachedTo }) => attachedTo.length > 0);
    expect(volume).toMatchObject({ size: 5n * 1024n ** 3n, state: "Bound", attachedTo: [`csi:host:${node}.node`] });
    expect(volume.volumeHandle).toBe(await kubectl(`get pv ${name} -o jsonpath={.spec.csi.volumeHandle}`));
    const [taken] = await eventually(async () => {
      const { snapshots } = await world.snapshots.list({ project: world.platform.project }, world.owner);
      expect(snapshots).toHaveLength(1);
      return snapshots;
    });
    expect(taken).toMatchObject({ name: "nightly", state: "Ready", sourceVolumeUuid: volume.uuid });

    await world.volumes.update(
      { ...world.place(volume.uuid), labels: { update: [{ key: "team", value: "shop" }] } },
      world.owner,
    );
    expect(await kubectl("get pv -l team=shop -o name")).toBe(`persistentvolume/${name}\n`);
    await kubectl("delete pod shop --timeout=10s");
    await world.volume("data", ({ attachedTo }) => attachedTo.length === 0);
    await kubectl("delete volumesnapshot nightly --timeout=10s");
    await kubectl("delete pvc data --timeout=10s");
    await eventually(async () => {
      const { snapshots } = await world.snapshots.list({ project: world.platform.project }, world.owner);
      expect([...(await world.list()), ...snapshots]).toEqual([]);
    });
  });
});
