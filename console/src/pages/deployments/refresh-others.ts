import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { DeploymentService } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { TaskService } from "../../../../gen/ts/deploy/v1/task_pb.js";

const streamed = new Set([
  `${DeploymentService.typeName}/Get`,
  `${DeploymentService.typeName}/List`,
  `${TaskService.typeName}/List`,
]);

/**
 * Reads again what no stream tells: releases, routes, configuration, instances. What a stream tells is left alone, for
 * an answer that was on its way could be older than what is shown.
 */
export function refreshOthers(queryClient: QueryClient): void {
  void queryClient.invalidateQueries({ refetchType: "active", predicate: ({ queryKey }) => !isStreamed(queryKey) });
}

function isStreamed([, call]: QueryKey): boolean {
  if (typeof call !== "object" || call === null || !("serviceName" in call) || !("methodName" in call)) return false;
  return streamed.has(`${call.serviceName}/${call.methodName}`);
}
