import { useQuery } from "@connectrpc/connect-query";
import { createContext, useContext, useMemo } from "react";
import { type Project, ProjectService } from "../../../gen/ts/api/v1/project_pb.js";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";

const key = "slipway:project";

/** The project that the page is about; pages outside of projects have the one that was chosen last. */
export const ProjectScope = createContext<Project | undefined>(undefined);

/** The project of this page; its `tenant` is the tenant that the page is about. */
export function useProject(): Project {
  const project = useContext(ProjectScope);
  if (project === undefined) throw new Error("this page is outside of projects");
  return project;
}

/** The projects that the caller can reach. */
export function useProjects() {
  return useQuery(ProjectService.method.list, {}, { staleTime: 60_000 });
}

/** The names of the caller's tenants by their ids; a guest of a tenant sees its id. */
export function useTenantNames(): ReadonlyMap<string, string> {
  const { data } = useQuery(TenantService.method.list, {}, { staleTime: 300_000 });
  return useMemo(
    () => new Map(data?.tenants.flatMap(({ login, name }) => (name === "" || name === login ? [] : [[login, name]]))),
    [data],
  );
}

/** The project that was chosen last: a preference, and no secret. */
export function lastProject(): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the choice for the next visit. */
export function rememberProject(uuid: string): void {
  try {
    localStorage.setItem(key, uuid);
  } catch {
    // Storage is closed: the first project is shown next time.
  }
}
