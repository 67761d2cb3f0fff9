import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import {
  DeploymentService,
  type DeploymentServiceGetResponse,
  DeploymentServiceGetResponseSchema,
  type DeploymentServiceWatchResponse,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { slipway } from "../../app/api.js";
import { useWatch } from "../../kit/use-watch.js";
import { tell } from "./use-deployments.js";

const client = slipway.client(DeploymentService);

/** One deployment, and how it is from moment to moment. */
export function useDeployment(project: string, uuid: string) {
  const transport = useTransport();
  const queryClient = useQueryClient();
  const input = { project, deployment: uuid };
  const query = useQuery(DeploymentService.method.get, input);
  const key = createConnectQueryKey({ schema: DeploymentService.method.get, input, transport, cardinality: "finite" });
  const watch = useWatch<DeploymentServiceWatchResponse>(
    query.data === undefined ? undefined : `${project} ${uuid}`,
    (resumeToken, signal) => client.watch({ ...input, resumeToken }, { signal }),
    (answers) => {
      const deployment = answers.at(-1)?.deployment;
      if (deployment === undefined) return;
      const before = queryClient.getQueryData<DeploymentServiceGetResponse>(key)?.deployment;
      if (before !== undefined && before.revision === deployment.revision && before.phase === deployment.phase) return;
      if (before !== undefined) tell(before, deployment);
      queryClient.setQueryData(key, create(DeploymentServiceGetResponseSchema, { deployment }));
    },
  );
  return { ...query, deployment: query.data?.deployment, watch };
}
