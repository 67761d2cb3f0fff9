import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import {
  type Cluster,
  ClusterSchema,
  ClusterService,
  type ClusterServiceListResponse,
  ClusterServiceListResponseSchema,
  type ClusterServiceWatchStatusResponse,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { slipway } from "../../app/api.js";
import { announce } from "../../kit/announce.js";
import { useWatch } from "../../kit/use-watch.js";
import { isGone, phaseOf } from "./status.js";

const client = slipway.client(ClusterService);

/** The clusters of a project, and how they are from moment to moment. */
export function useClusters(project: string) {
  const transport = useTransport();
  const queryClient = useQueryClient();
  const query = useQuery(ClusterService.method.list, { project });
  const key = createConnectQueryKey({
    schema: ClusterService.method.list,
    input: { project },
    transport,
    cardinality: "finite",
  });
  const watch = useWatch<ClusterServiceWatchStatusResponse>(
    query.data === undefined ? undefined : project,
    (_token, signal) => client.watchStatus({ project }, { signal }),
    (answers) => {
      let isUnknown = false;
      queryClient.setQueryData<ClusterServiceListResponse>(key, (before) => {
        if (before === undefined) return before;
        const merged = merge(before.clusters, answers);
        isUnknown = merged.isUnknown;
        return merged.clusters === before.clusters
          ? before
          : create(ClusterServiceListResponseSchema, { clusters: [...merged.clusters] });
      });
      // Somebody has ordered another one: its status is here, but not yet what it is.
      if (isUnknown) void queryClient.invalidateQueries({ queryKey: key });
    },
    () => void queryClient.invalidateQueries({ queryKey: key }),
  );
  return { ...query, clusters: query.data?.clusters, watch };
}

/** The list with what a stream has told; those that did not change stay the same objects, so that their rows do. */
function merge(
  before: readonly Cluster[],
  answers: readonly ClusterServiceWatchStatusResponse[],
): { readonly clusters: readonly Cluster[]; readonly isUnknown: boolean } {
  const newest = new Map(answers.flatMap(({ status }) => (status === undefined ? [] : [[status.uuid, status]])));
  const known = new Set(before.map(({ uuid }) => uuid));
  const isUnknown = [...newest.values()].some((status) => !known.has(status.uuid) && !isGone(status));
  if (![...newest.keys()].some((uuid) => known.has(uuid))) return { clusters: before, isUnknown };
  const clusters = before.flatMap((cluster) => {
    const status = newest.get(cluster.uuid);
    if (status === undefined) return [cluster];
    tell(cluster, phaseOf(status).text);
    return isGone(status) ? [] : [create(ClusterSchema, { ...cluster, status })];
  });
  return { clusters, isUnknown };
}

/** Changes of the phase are read out; each percent of progress would be too much. */
function tell(cluster: Cluster, phase: string): void {
  if (phaseOf(cluster.status).text !== phase) announce(`Cluster ${cluster.name}: ${phase}`);
}
