import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import {
  ClusterSchema,
  ClusterService,
  type ClusterServiceGetResponse,
  ClusterServiceGetResponseSchema,
  type ClusterServiceWatchStatusResponse,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { slipway } from "../../app/api.js";
import { announce } from "../../kit/announce.js";
import { useWatch } from "../../kit/use-watch.js";
import { phaseOf } from "./status.js";

const client = slipway.client(ClusterService);

/** One cluster, and how it is from moment to moment. */
export function useCluster(project: string, uuid: string) {
  const queryClient = useQueryClient();
  const transport = useTransport();
  const input = { project, uuid };
  const query = useQuery(ClusterService.method.get, input);
  const queryKey = createConnectQueryKey({
    schema: ClusterService.method.get,
    input,
    transport,
    cardinality: "finite",
  });
  const watch = useWatch<ClusterServiceWatchStatusResponse>(
    query.data === undefined ? undefined : `${project} ${uuid}`,
    (_token, signal) => client.watchStatus(input, { signal }),
    (answers) => {
      const status = answers.at(-1)?.status;
      if (status === undefined) return;
      const before = queryClient.getQueryData<ClusterServiceGetResponse>(queryKey)?.cluster;
      if (before === undefined) return;
      const [was, is] = [phaseOf(before.status), phaseOf(status)];
      const cluster = create(ClusterSchema, { ...before, status });
      queryClient.setQueryData(queryKey, create(ClusterServiceGetResponseSchema, { cluster }));
      if (was.text === is.text) return;
      announce(`Cluster ${cluster.name}: ${is.text}`);
      // The end of an operation shows in more than the status: the version, the dashboards.
      if (!is.isBusy) void queryClient.invalidateQueries({ queryKey });
    },
    () => void queryClient.invalidateQueries({ queryKey }),
  );
  return { ...query, cluster: query.data?.cluster, watch };
}
