import type { Database } from "../../../../db/database.js";
import type { KubeObject, ResourceType } from "../../../../kube/objects.js";
import type { ClusterRow } from "../store.js";

/** A type that a reader follows, and what it needs of its objects. */
export interface FollowedType {
  readonly type: ResourceType;
  /**
   * The fields that the reader needs, and no more: a cluster is its tenant's, who may put anything into an object.
   * Undefined when it needs nothing of this one. Pure; never throws, whatever the object is.
   */
  pick(object: KubeObject): KubeObject | undefined;
}

/** Reads what is inside of clusters: the objects of some types, in every cluster whose API server answers. */
export interface InsideReader {
  /** For logs. */
  readonly name: string;
  readonly types: readonly FollowedType[];
  /**
   * Takes in the present objects of a cluster: called when all types have been read, and again some time after
   * each change; one call at a time for each cluster. When it throws it is called again later.
   */
  settle(cluster: ClusterRow, objects: InsideObjects, signal: AbortSignal): Promise<void>;
  /** Settles what is still there of clusters that are deleted: nothing of them is left. Called now and then. */
  forgetDeleted(db: Database): Promise<void>;
}

/** The objects of one cluster as they were seen last, as far as its reader picks them. */
export interface InsideObjects {
  /** The objects of a type that the reader follows; none when the cluster does not serve it. */
  of<T extends KubeObject>(type: ResourceType): readonly T[];
  /**
   * Whether these are all objects of a type. Where there are more than is kept of one cluster, an object that was
   * never among them may well exist; one that was, and is no longer, does not.
   */
  isComplete(type: ResourceType): boolean;
}
