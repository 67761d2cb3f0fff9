import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import { useProjects, useTenantNames } from "../../app/project.js";
import { type Service, servicesOf } from "./methods.js";
import { type Subject, subjectsOf } from "./subjects.js";

/** What a token of the caller can give: services with their methods, and subjects. */
export interface TokenScope {
  readonly services: readonly Service[];
  readonly subjects: readonly Subject[];
}

/** Reads what there is to give, and what the caller may give. */
export function useScope() {
  const offered = useQuery(MethodService.method.list, {}, { staleTime: 300_000 });
  const allowed = useQuery(MethodService.method.tokenScopedList, {}, { staleTime: 30_000 });
  const projects = useProjects();
  const names = useTenantNames();
  const scope = useMemo((): TokenScope | undefined => {
    if (offered.data === undefined || allowed.data === undefined || projects.data === undefined) return undefined;
    return {
      services: servicesOf(offered.data.methods),
      subjects: subjectsOf(allowed.data, projects.data.projects, names),
    };
  }, [offered.data, allowed.data, projects.data, names]);
  const retry = () => void Promise.all([offered.refetch(), allowed.refetch(), projects.refetch()]);
  return { scope, error: offered.error ?? allowed.error ?? projects.error, retry };
}
