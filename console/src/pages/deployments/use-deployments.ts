import { create } from "@bufbuild/protobuf";
import { createConnectQueryKey, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import {
  type Deployment,
  DeploymentPhase,
  DeploymentService,
  type DeploymentServiceListResponse,
  DeploymentServiceListResponseSchema,
  type DeploymentServiceWatchResponse,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { slipway } from "../../app/api.js";
import { announce } from "../../kit/announce.js";
import { useWatch } from "../../kit/use-watch.js";
import { healthOf, phaseOf } from "./state.js";

const client = slipway.client(DeploymentService);
/** As many as a project may have. */
const pageSize = 1_000;

/** The deployments of a project, and how they are from moment to moment. */
export function useDeployments(project: string) {
  const transport = useTransport();
  const queryClient = useQueryClient();
  const input = { project, pageSize };
  const query = useQuery(DeploymentService.method.list, input);
  const key = createConnectQueryKey({
    schema: DeploymentService.method.list,
    input,
    transport,
    cardinality: "finite",
  });
  const watch = useWatch<DeploymentServiceWatchResponse>(
    query.data === undefined ? undefined : project,
    (resumeToken, signal) => client.watch({ project, resumeToken }, { signal }),
    (answers) => {
      queryClient.setQueryData<DeploymentServiceListResponse>(key, (before) => {
        if (before === undefined) return before;
        const deployments = mergeDeployments(before.deployments, answers);
        return deployments === before.deployments
          ? before
          : create(DeploymentServiceListResponseSchema, { ...before, deployments: [...deployments] });
      });
    },
  );
  return { ...query, deployments: query.data?.deployments, watch };
}

/** The list with what a stream has told; those that did not change stay the same objects, so that their rows do. */
export function mergeDeployments(
  before: readonly Deployment[],
  answers: readonly DeploymentServiceWatchResponse[],
): readonly Deployment[] {
  const newest = new Map(
    answers.flatMap(({ deployment }) => (deployment === undefined ? [] : [[deployment.uuid, deployment]])),
  );
  let isSame = true;
  const merged = before.flatMap((known) => {
    const told = newest.get(known.uuid);
    newest.delete(known.uuid);
    if (told === undefined || (told.revision <= known.revision && told.phase === known.phase)) return [known];
    isSame = false;
    tell(known, told);
    return told.phase === DeploymentPhase.DELETED ? [] : [told];
  });
  const added = [...newest.values()].filter(({ phase }) => phase !== DeploymentPhase.DELETED);
  return isSame && added.length === 0 ? before : [...merged, ...added];
}

/** Changes of phase and health are read out; other changes would be too much. */
export function tell(before: Deployment, now: Deployment): void {
  if (before.phase === now.phase && before.health === now.health) return;
  announce(`Deployment ${now.name}: ${phaseOf(now.phase).text}, ${healthOf(now.health).text}`);
}
