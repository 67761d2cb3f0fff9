import type { ConnectRouter } from "@connectrpc/connect";
import { ProjectService, type ProjectServiceCreateRequest } from "../../../../gen/ts/api/v1/project_pb.js";
import { callerOf } from "../../../caller.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { tenantStore } from "../tenant/store.js";
import { projectMemberMessages, projectMessage } from "./messages.js";
import { type ProjectRow, projectStore } from "./store.js";

/** api.v1.ProjectService: the projects of a tenant. */
export function registerProject(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(ProjectService, {
    async list(request, context) {
      const ids = [...callerOf(context).granted.projectRoles.keys()];
      return { projects: (await projectStore.list(db, ids, request)).map(projectMessage) };
    },
    async get({ project }) {
      const row = await projectStore.get(db, project);
      if (row === undefined) throw new DomainError("missing", `project ${project} does not exist`);
      const direct = await projectStore.members(db, project);
      const inherited = await tenantStore.members(db, row.tenant);
      return { project: projectMessage(row), projectMembers: projectMemberMessages(direct, inherited) };
    },
    create: async (request) => ({ project: projectMessage(await createProject(platform, request)) }),
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
    avatarUrl: avatarUrl ?? null,
    isDefault: false,
    createdAt: now,
    updatedAt: now,
  };
  await projectStore.insert(platform.db, row).catch((error: unknown) => {
    const constraint = constraintOf(error);
    if (constraint === "projects_name") throw new DomainError("exists", `the tenant has a project ${name} already`);
    if (constraint === "projects_tenant_tenants_login_fk") {
      throw new DomainError("missing", `tenant ${login} does not exist`);
    }
    throw error;
  });
  return row;
}
