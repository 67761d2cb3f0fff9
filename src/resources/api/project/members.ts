import type { ServiceImpl } from "@connectrpc/connect";
import type { ProjectService, ProjectServiceUpdateMemberRequest } from "../../../../gen/ts/api/v1/project_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { leaveProject } from "../member/leave.js";
import { askedProjectRole, demandGivable } from "../member/rules.js";
import { memberStore, type ProjectMemberRow, type TenantMemberRow } from "../member/store.js";
import { projectMemberMessages } from "./messages.js";
import { found } from "./rules.js";
import { projectStore } from "./store.js";

/** The methods of ProjectService that change who belongs to a project directly. */
export function projectMembership(
  platform: Platform,
): Pick<ServiceImpl<typeof ProjectService>, "removeMember" | "updateMember"> {
  const { db } = platform;
  return {
    async removeMember({ project, memberId }) {
      if (await leaveProject(db, { project, member: memberId })) return {};
      throw await noDirectMember(db, project, memberId);
    },
    async updateMember(request, context) {
      const row = await updateMember(platform, callerOf(context), request);
      const inherited = await membershipInTenant(db, row.project, row.member);
      const [projectMember] = projectMemberMessages([row], inherited === undefined ? [] : [inherited]);
      return projectMember === undefined ? {} : { projectMember };
    },
  };
}

async function updateMember(
  { db, clock, callerNow }: Platform,
  cached: Caller,
  { project, memberId: member, role }: ProjectServiceUpdateMemberRequest,
): Promise<ProjectMemberRow> {
  const caller = await callerNow(cached);
  const given = demandGivable(caller, { tenant: null, project, role: askedProjectRole(role) });
  return await db.transaction(async (tx) => {
    await memberStore.lockProject(tx, project);
    const row = await memberStore.projectMember(tx, { project, member });
    if (row === undefined) throw await noDirectMember(tx, project, member);
    return await memberStore.setProjectRole(tx, { project, member, role: given.role, now: clock() });
  });
}

/** Why somebody cannot be changed in a project: they belong to its tenant, or to neither. */
async function noDirectMember(db: Database, project: string, member: string): Promise<DomainError> {
  const inherited = await membershipInTenant(db, project, member);
  if (inherited === undefined || inherited.role === "guest") {
    return new DomainError("missing", `${member} is no member of project ${project}`);
  }
  const { tenant } = inherited;
  return new DomainError("precondition", `${member} belongs to tenant ${tenant}: change that membership instead`);
}

async function membershipInTenant(db: Database, project: string, member: string): Promise<TenantMemberRow | undefined> {
  const { tenant } = found(await projectStore.get(db, project), project);
  return await memberStore.tenantMember(db, { tenant, member });
}
