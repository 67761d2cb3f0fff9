import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { EnvironmentService } from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService } from "../../../../gen/ts/deploy/v1/namespace_pb.js";
import { TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";

/** Environments, targets and namespaces of a project: where deployments can be. */
export function usePlaces(project: string) {
  const environments = useQuery(EnvironmentService.method.list, { project });
  const targets = useQuery(TargetService.method.list, { project });
  const namespaces = useQuery(NamespaceService.method.list, { project });
  const queries = [environments, targets, namespaces];
  const nameOf = useMemo(() => {
    const all = [
      ...(environments.data?.environments ?? []),
      ...(targets.data?.targets ?? []),
      ...(namespaces.data?.namespaces ?? []),
    ];
    const names = new Map(all.map(({ uuid, name }) => [uuid, name]));
    return (uuid: string): string => names.get(uuid) ?? "";
  }, [environments.data, targets.data, namespaces.data]);
  return {
    environments: environments.data?.environments,
    targets: targets.data?.targets,
    namespaces: namespaces.data?.namespaces,
    /** Name of an environment, target or namespace; empty for one that is not known. */
    nameOf,
    isReady: queries.every(({ data }) => data !== undefined),
    error: queries.find(({ error }) => error !== null)?.error ?? null,
    refetch: () => void Promise.all(queries.map(({ refetch }) => refetch())),
  };
}

/** What is there of a project's places. */
export type Places = ReturnType<typeof usePlaces>;
