import type { MethodServiceTokenScopedListResponse } from "../../../../gen/ts/api/v1/methods_pb.js";
import type { Project } from "../../../../gen/ts/api/v1/project_pb.js";
import type { Method } from "./methods.js";

/** Every project and tenant that the owner of a token has, at the time of a call. */
export const everySubject = "*";

/** A project, a tenant, or all of them: what a permission or a role is about. */
export interface Subject {
  readonly id: string;
  readonly label: string;
  readonly kind: "every" | "project" | "tenant";
  /** What the caller is there; 0 for a caller without a role, who may have single methods. */
  readonly role: number;
  readonly methods: ReadonlySet<string>;
}

/** What a token of this caller can be about. */
export function subjectsOf(
  scope: MethodServiceTokenScopedListResponse,
  projects: readonly Project[],
  tenantNames: ReadonlyMap<string, string>,
): readonly Subject[] {
  const methods = new Map(scope.permissions.map((each) => [each.subject, new Set(each.methods)]));
  const none = new Set<string>();
  const nameOf = (tenant: string) => tenantNames.get(tenant) ?? tenant;
  return [
    { id: everySubject, label: "All that I have", kind: "every", role: 1, methods: none },
    ...projects.map(
      ({ uuid, name, tenant }): Subject => ({
        id: uuid,
        label: `${nameOf(tenant)} / ${name}`,
        kind: "project",
        role: scope.projectRoles[uuid] ?? 0,
        methods: methods.get(uuid) ?? none,
      }),
    ),
    ...Object.entries(scope.tenantRoles)
      .filter(([id]) => id !== everySubject)
      .map(
        ([id, role]): Subject => ({
          id,
          label: `Tenant ${nameOf(id)}`,
          kind: "tenant",
          role,
          methods: methods.get(id) ?? none,
        }),
      ),
  ];
}

/** Whether a method is about such a subject, and the caller may call it there. */
export function canGive({ kind, role, methods }: Subject, method: Method): boolean {
  if (kind === "every") return true;
  const roles: readonly number[] = kind === "project" ? method.projectRoles : method.tenantRoles;
  return roles.includes(role) || methods.has(method.path);
}

/** Whether a method is about such a subject at all. */
export function isAbout({ kind }: Subject, method: Method): boolean {
  if (kind === "every") return true;
  return (kind === "project" ? method.projectRoles : method.tenantRoles).length > 0;
}
