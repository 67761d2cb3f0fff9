import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ProjectRole } from "../../../../gen/ts/api/v1/common_pb.js";
import type { ProjectInviteSchema, ProjectMemberSchema, ProjectSchema } from "../../../../gen/ts/api/v1/project_pb.js";
import { DomainError } from "../../../errors.js";
import type { OpenInvite } from "../invite/invites.js";
import type { ProjectMemberRow, TenantMemberRow } from "../member/store.js";
import { projectRoles } from "../roles.js";
import type { TenantRow } from "../tenant/store.js";
import type { ProjectRow } from "./store.js";

/** A project as the API shows it. */
export function projectMessage(row: ProjectRow): MessageInitShape<typeof ProjectSchema> {
  return {
    uuid: row.id,
    name: row.name,
    description: row.description,
    tenant: row.tenant,
    isDefaultProject: row.isDefault,
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    ...(row.avatarUrl === null ? {} : { avatarUrl: row.avatarUrl }),
  };
}

/**
 * The members of a project as the API shows them: the direct ones, and those of
 * its tenant, who inherit their role. Whoever is both is shown with the stronger one.
 */
export function projectMemberMessages(
  direct: readonly ProjectMemberRow[],
  ofTenant: readonly TenantMemberRow[],
): MessageInitShape<typeof ProjectMemberSchema>[] {
  const members = new Map(
    direct.map((row) => [row.member, memberMessage(row.member, projectRoles[row.role], false, row.createdAt)]),
  );
  for (const { member, role, createdAt } of ofTenant) {
    if (role === "guest") continue;
    const inherited = projectRoles[role];
    const held = members.get(member)?.role;
    // The lower number is the stronger role.
    if (held === undefined || inherited < held) members.set(member, memberMessage(member, inherited, true, createdAt));
  }
  return [...members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function memberMessage(id: string, role: ProjectRole, inheritedMembership: boolean, createdAt: Date) {
  return { id, role, inheritedMembership, createdAt: timestampFromDate(createdAt) };
}

/** An invitation into a project of that tenant as the API shows it. */
export function projectInviteMessage(
  { row, secret }: OpenInvite,
  project: ProjectRow,
  tenant: TenantRow | undefined,
): MessageInitShape<typeof ProjectInviteSchema> {
  if (row.role === "guest") throw new DomainError("missing", "projects have no guests");
  return {
    secret,
    project: project.id,
    projectName: project.name,
    role: projectRoles[row.role],
    tenant: project.tenant,
    tenantName: tenant?.name ?? "",
    joined: false,
    expiresAt: timestampFromDate(row.expiresAt),
  };
}
