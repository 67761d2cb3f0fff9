import type { Database } from "../../../../db/database.js";
import type { KubeObject, ResourceType } from "../../../../kube/objects.js";
import type { ClusterRow } from "../store.js";

/** Reads what is inside of clusters: the objects of some types, in every cluster whose API server answers. */
export interface InsideReader {
  /** For logs. */
  readonly name: string;
  readonly types: readonly ResourceType[];
  /**
   * Takes in the present objects of a cluster: called when all types have been read, and again some time after
   * each change; one call at a time for each cluster. When it throws it is called again later.
   */
  settle(cluster: ClusterRow, objects: InsideObjects, signal: AbortSignal): Promise<void>;
  /** Settles what is still there of clusters that are deleted: nothing of them is left. Called now and then. */
  forgetDeleted(db: Database): Promise<void>;
}

/** The objects of one cluster as they were seen last. */
export interface InsideObjects {
  /** The objects of a type that the reader follows; none when the cluster does not serve it. */
  of<T extends KubeObject>(type: ResourceType): readonly T[];
}
