import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { projectStore } from "../../../src/resources/api/project/store.js";
import { newName } from "../../resources/support/clusters.js";
import { as, type TestPlatform, type TestTenant } from "../../support/platform.js";

/** What the calls are about. Each project has a cluster, so that it cannot be deleted and its watchers hear something. */
export interface World {
  readonly own: TestTenant;
  /** Uuid of another project of the own tenant. */
  readonly sibling: string;
  readonly foreign: TestTenant;
  /** Uuid that no project has. */
  readonly missing: string;
  /** Uuid of an environment, or of a deployment, of the own project. */
  readonly environment: string;
}

/** Makes it. */
export async function makeWorld(platform: TestPlatform): Promise<World> {
  const { db, clock, newId } = platform.platform;
  const sibling = newId();
  const stamps = { createdAt: clock(), updatedAt: clock() };
  await projectStore.insert(db, { id: sibling, tenant: platform.tenant, name: "sibling", ...stamps });
  const foreign = await platform.newTenant();
  const clusters = platform.client(ClusterService);
  for (const project of [platform.project, sibling, foreign.project]) {
    await clusters.create({ project, name: newName() }, as(platform.adminToken));
  }
  return { own: platform, sibling, foreign, missing: newId(), environment: newId() };
}
