import type { ConnectRouter } from "@connectrpc/connect";
import { ProjectService, type ProjectServiceCreateRequest } from "../../../../gen/ts/api/v1/project_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { memberStore } from "../member/store.js";
import { deleteProject } from "./delete.js";
import { projectInvites } from "./invites.js";
import { projectMembership } from "./members.js";
import { projectMemberMessages, projectMessage } from "./messages.js";
import { askedChanges, askedPicture, found, seesTenantMembers, visibleProjects } from "./rules.js";
import { type ProjectRow, projectStore } from "./store.js";

/** Most projects of one tenant, the default one among them: its members' rights are made of them. */
export const mostProjects = 200;

/** api.v1.ProjectService: the projects of a tenant. */
export function registerProject(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(ProjectService, {
    async list(request, context) {
      // Past the cache: whoever has just made or joined a project finds it here.
      const { granted } = await platform.callerNow(callerOf(context));
      const rows = await projectStore.list(db, visibleProjects(granted), request);
      return { projects: rows.map(projectMessage) };
    },
    async get({ project }, context) {
      const { owner, granted } = callerOf(context);
      const row = found(await projectStore.get(db, project), project);
      const direct = await memberStore.projectMembers(db, project);
      const seesAll = seesTenantMembers(owner, granted, row.tenant);
      const inherited = seesAll ? await memberStore.tenantMembers(db, row.tenant) : [];
      return { project: projectMessage(row), projectMembers: projectMemberMessages(direct, inherited) };
    },
    create: async (request) => ({ project: projectMessage(await createProject(platform, request)) }),
    delete: async ({ project }) => ({ project: projectMessage(await deleteProject(platform, project)) }),
    async update(request) {
      const { project } = request;
      const row = await projectStore.update(db, project, askedChanges(request), clock());
      return { project: projectMessage(found(row, project)) };
    },
    ...projectMembership(platform),
    ...projectInvites(platform),
  });
}

async function createProject(platform: Platform, request: ProjectServiceCreateRequest): Promise<ProjectRow> {
  const { login, name, description, avatarUrl } = request;
  const now = platform.clock();
  const row: ProjectRow = {
    id: platform.newId(),
    tenant: login,
    name,
    description,
    avatarUrl: askedPicture(avatarUrl),
    isDefault: false,
    createdAt: now,
    updatedAt: now,
  };
  return await platform.db.transaction(async (tx) => {
    // Two who make the last one come one by one.
    await memberStore.lockTenant(tx, login);
    if ((await projectStore.count(tx, login)) >= mostProjects) {
      throw new DomainError("exhausted", `tenant ${login} has ${mostProjects} projects already: delete one first`);
    }
    await projectStore.insert(tx, row);
    return row;
  });
}
