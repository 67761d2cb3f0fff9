import { type DescField, type DescMethod, getOption, ScalarType } from "@bufbuild/protobuf";
import {
  AdminRole,
  Auditing,
  admin_roles,
  auditing,
  ProjectRole,
  project_roles,
  TenantRole,
  tenant_roles,
  Visibility,
  visibility,
} from "../../../gen/ts/api/v1/common_pb.js";

/** How far a call comes: past authorization, or with which refusal it ends there. */
export type Verdict = "through" | "unauthenticated" | "denied";

/** What a request names; an empty text names nothing. */
export interface About {
  readonly name: string;
  readonly project: string;
  readonly login: string;
  readonly environment: string;
  readonly deployment: string;
}

/** Whether a custom role gives a method. */
export type Gives = (method: Options) => boolean;

/** What somebody holds, written down when it is given: nothing here is computed from anything else. */
export interface Holds {
  readonly admin?: AdminRole;
  readonly projects?: Readonly<Record<string, ProjectRole>>;
  readonly tenants?: Readonly<Record<string, TenantRole>>;
  /** Roles by "environment PROJECT/UUID" and "deployment PROJECT/UUID". */
  readonly inside?: Readonly<Record<string, ProjectRole>>;
  /** Which methods custom roles give in projects and tenants. */
  readonly customInProjects?: Readonly<Record<string, Gives>>;
  readonly customInTenants?: Readonly<Record<string, Gives>>;
}

/** What a token is good for. */
export interface Bearer {
  /** Whether there is a token, and whether it holds. */
  readonly proof: "none" | "bad" | "good";
  /** The roles that it carries. */
  readonly holds: Holds;
  /** Projects and tenants in which it carries a single permission for the method that is called, whichever it is. */
  readonly permits: readonly string[];
  /** What its owner holds, against which single permissions count. */
  readonly owner: Holds;
}

/** The options of a method as far as they say who may call it. */
export interface Options {
  readonly path: string;
  readonly visibility: Visibility;
  readonly adminRoles: readonly AdminRole[];
  readonly projectRoles: readonly ProjectRole[];
  readonly tenantRoles: readonly TenantRole[];
  readonly audited: boolean;
}

/** Reads the options of a method. */
export function optionsOf(method: DescMethod): Options {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    visibility: getOption(method, visibility),
    adminRoles: getOption(method, admin_roles),
    projectRoles: getOption(method, project_roles),
    tenantRoles: getOption(method, tenant_roles),
    audited: getOption(method, auditing) !== Auditing.EXCLUDED,
  };
}

/** The request field of that name, if it is a text. */
export function textField({ input }: DescMethod, name: string): DescField | undefined {
  const named = input.fields.find((field) => field.name === name);
  return named?.fieldKind === "scalar" && named.scalar === ScalarType.STRING ? named : undefined;
}

/** Whether the request brings a whole tenant along, so that no role can be held in it yet. */
export function bringsTenant(method: DescMethod): boolean {
  return method.input.fields.some(({ name, message }) => name === "tenant" && message?.typeName === "api.v1.Tenant");
}

/** What the options alone say about a call. */
export function predict(method: DescMethod, who: Bearer, about: About): Verdict {
  const options = optionsOf(method);
  if (options.visibility === Visibility.PUBLIC) return "through";
  if (who.proof === "bad") return "unauthenticated";
  if (options.visibility === Visibility.PRIVATE) return "denied";
  if (who.proof === "none") return "unauthenticated";
  if (options.visibility === Visibility.SELF) return "through";
  if (adminMay(options, who.holds.admin)) return "through";
  const subjects = subjectsOf(method, options, about);
  const byRole = subjects.some((subject) => holdsIn(options, who.holds, subject));
  const byPermission = subjects.some(
    (subject) => who.permits.includes(subject.id) && holdsIn(options, who.owner, subject),
  );
  return byRole || byPermission ? "through" : "denied";
}

function adminMay({ adminRoles, projectRoles, tenantRoles }: Options, role: AdminRole | undefined): boolean {
  if (role === AdminRole.EDITOR) return true;
  const openToViewers =
    adminRoles.includes(AdminRole.VIEWER) ||
    projectRoles.includes(ProjectRole.VIEWER) ||
    tenantRoles.includes(TenantRole.VIEWER);
  return role === AdminRole.VIEWER && openToViewers;
}

interface Subject {
  readonly kind: "project" | "tenant" | "anyTenant";
  readonly id: string;
  /** What is named inside of the project. */
  readonly inside: readonly string[];
}

function subjectsOf(method: DescMethod, { path, projectRoles, tenantRoles }: Options, about: About): Subject[] {
  const takesProject = projectRoles.length > 0;
  if (takesProject && textField(method, "project") === undefined) throw new Error(`${path} names no project`);
  if (takesProject && about.project !== "") {
    const id = about.project;
    // What a method has no field for, its requests do not name.
    const parts = (["environment", "deployment"] as const).filter((part) => textField(method, part) !== undefined);
    const inside = parts.map((part) => `${part} ${id}/${about[part]}`);
    return [{ kind: "project", id, inside }];
  }
  if (tenantRoles.length === 0) return [];
  if (textField(method, "login") !== undefined) {
    return about.login === "" ? [] : [{ kind: "tenant", id: about.login, inside: [] }];
  }
  if (bringsTenant(method)) return [{ kind: "anyTenant", id: about.login, inside: [] }];
  if (takesProject) return [];
  throw new Error(`${path} names no tenant`);
}

function holdsIn(options: Options, holds: Holds, { kind, id, inside }: Subject): boolean {
  const { projectRoles, tenantRoles } = options;
  const suffices = <Role>(list: readonly Role[], role: Role | undefined) => role !== undefined && list.includes(role);
  switch (kind) {
    case "project":
      return (
        suffices(projectRoles, holds.projects?.[id]) ||
        inside.some((place) => suffices(projectRoles, holds.inside?.[place])) ||
        holds.customInProjects?.[id]?.(options) === true
      );
    case "tenant":
      return suffices(tenantRoles, holds.tenants?.[id]) || holds.customInTenants?.[id]?.(options) === true;
    case "anyTenant":
      return (
        Object.values(holds.tenants ?? {}).some((role) => suffices(tenantRoles, role)) ||
        Object.values(holds.customInTenants ?? {}).some((gives) => gives(options))
      );
  }
}
