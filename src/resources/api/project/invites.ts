import type { ServiceImpl } from "@connectrpc/connect";
import type { ProjectService } from "../../../../gen/ts/api/v1/project_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { acceptInvite, inviteOf, newInvite, type OpenInvite, openInvites, withdrawInvite } from "../invite/invites.js";
import { askedProjectRole } from "../member/rules.js";
import { memberStore } from "../member/store.js";
import { type ProjectRoleName, projectRoles } from "../roles.js";
import { tenantStore } from "../tenant/store.js";
import { projectInviteMessage } from "./messages.js";
import { found } from "./rules.js";
import { type ProjectRow, projectStore } from "./store.js";

/** The methods of ProjectService by which people come into a project. */
export type ProjectInvites = Pick<
  ServiceImpl<typeof ProjectService>,
  "invite" | "inviteAccept" | "inviteDelete" | "invitesList" | "inviteGet"
>;

/** Builds them. */
export function projectInvites(platform: Platform): ProjectInvites {
  const { db } = platform;
  const target = async (project: string): Promise<ProjectRow> => found(await projectStore.get(db, project), project);
  const message = async (invite: OpenInvite, into: ProjectRow) =>
    projectInviteMessage(invite, into, await tenantStore.get(db, into.tenant));
  const opened = async (secret: string) => {
    const invite = await inviteOf(platform, "project", secret);
    return { invite, into: await target(invite.row.project ?? "") };
  };
  return {
    async invite({ project, role }, context) {
      const into = await target(project);
      const given = { tenant: null, project, role: askedProjectRole(role) };
      return { invite: await message(await newInvite(platform, callerOf(context), given), into) };
    },
    async inviteAccept({ secret }, context) {
      const { invite, into } = await opened(secret);
      await accept(platform, callerOf(context), invite, into);
      return { project: into.id, projectName: into.name };
    },
    async inviteDelete({ project, secret }) {
      await withdrawInvite(platform, { tenant: null, project }, secret);
      return {};
    },
    async invitesList({ project }, context) {
      const into = await target(project);
      const invites = await openInvites(platform, callerOf(context), { tenant: null, project });
      const tenant = await tenantStore.get(db, into.tenant);
      return { invites: invites.map((invite) => projectInviteMessage(invite, into, tenant)) };
    },
    async inviteGet({ secret }) {
      const { invite, into } = await opened(secret);
      return { invite: await message(invite, into) };
    },
  };
}

async function accept(platform: Platform, caller: Caller, invite: OpenInvite, into: ProjectRow): Promise<void> {
  const { role } = invite.row;
  if (role === "guest") throw new Error("projects have no guests");
  const key = { project: into.id, member: caller.user };
  await acceptInvite(platform, caller, invite, async (tx, now) => {
    await memberStore.lockProject(tx, into.id);
    if (await isMember(tx, into, caller.user, role)) {
      throw new DomainError(
        "exists",
        `you are a member of project ${into.name} already: its owners can change your role`,
      );
    }
    await memberStore.setProjectRole(tx, { ...key, role, now });
  });
}

/** A direct member, or a member of the tenant whom the role would give nothing. */
async function isMember(
  tx: Database,
  { id, tenant }: ProjectRow,
  member: string,
  role: ProjectRoleName,
): Promise<boolean> {
  if ((await memberStore.projectMember(tx, { project: id, member })) !== undefined) return true;
  const inherited = (await memberStore.tenantMember(tx, { tenant, member }))?.role;
  // The lower number is the stronger role.
  return inherited !== undefined && inherited !== "guest" && projectRoles[inherited] <= projectRoles[role];
}
