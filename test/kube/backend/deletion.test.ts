import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClusterStatus } from "../../../gen/ts/api/v1/cluster_pb.js";
import { shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import { clustersOf, plantFault, shootOf } from "../../resources/support/clusters.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { until } from "../gardener/garden.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform.close());

/** Lets Gardener begin the operation of a Shoot anew, as it does with every run of it, and fail at another step. */
async function beginAnew(uuid: string, fault: string): Promise<void> {
  const { metadata } = await shootOf(platform, uuid);
  const ref = { group: shoots.group, resource: shoots.plural, namespace: metadata.namespace, name: metadata.name };
  await platform.kube.embedded.store.modify(ref, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, "simulator.slipway.dev/fail": fault };
    const last = draft.status?.lastOperation as object;
    draft.status = { ...draft.status, lastOperation: { ...last, state: "Processing", progress: 0 } };
  });
}

test("metalstack.api.v1.ClusterService.WatchStatus tells of a deletion that is begun anew without going back", async () => {
  const clusters = clustersOf(platform);
  const { uuid } = await clusters.ready();
  const seen: ClusterStatus[] = [];
  const deleted = clusters.until(uuid, (status) => {
    if (status.type === "Delete") seen.push(status);
    return status.type === "Delete" && status.state === "Succeeded";
  });
  const failedAt = (step: string) => () => expect(seen.at(-1)?.lastErrors[0]?.taskId).toBe(step);

  await plantFault(platform, uuid, "infrastructure:ERR_INFRA_DEPENDENCIES:always");
  await clusters.client.delete({ project: clusters.project, uuid }, clusters.owner);
  await until(failedAt("infrastructure"));
  const reached = seen.at(-1)?.progress ?? 0;
  expect(reached).toBeGreaterThan(50);

  await beginAnew(uuid, "cleanup:ERR_CLEANUP_CLUSTER_RESOURCES:always");
  await until(failedAt("cleanup"));
  expect((await shootOf(platform, uuid)).status?.lastOperation?.progress).toBe(0);
  expect(seen.at(-1)?.progress).toBe(reached);
  expect((await clusters.get(uuid)).status?.progress).toBe(reached);

  await plantFault(platform, uuid, "cleanup:ERR_CLEANUP_CLUSTER_RESOURCES:1");
  expect(await deleted).toMatchObject({ progress: 100 });
  const progress = seen.map((status) => status.progress);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
});
