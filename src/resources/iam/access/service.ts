import type { ConnectRouter } from "@connectrpc/connect";
import {
  AccessService,
  type AccessServiceListRolesRequest,
  RoleBindingState,
} from "../../../../gen/ts/iam/v1/access_pb.js";
import { callerOf } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { projectStore } from "../../api/project/store.js";
import { tenantStore } from "../../api/tenant/store.js";
import { deleteBinding, setBinding } from "./bind.js";
import { listBindings } from "./binding-list.js";
import { type BuiltInRole, builtInRoles } from "./built-in.js";
import { check } from "./check.js";
import { bindingMessage, builtInRoleMessage, customRoleMessage, permissionMessages } from "./messages.js";
import { customRoleStore } from "./role-store.js";
import { createRole, deleteRole, found, namedBuiltIn, tenantOf, updateRole } from "./roles.js";
import { demandPart, type Scope, scopeKindOf, scopeOf } from "./scope.js";

/** iam.v1.AccessService: roles, to whom they are bound where, and what follows from that. */
export function registerAccess(router: ConnectRouter, platform: Platform): void {
  const { db, methods } = platform;
  const builtIn = builtInRoles(methods);
  const permissions = permissionMessages(methods);
  router.service(AccessService, {
    listRoles: async (request) => ({ roles: await listRoles(db, builtIn, request) }),
    async getRole(request) {
      const named = namedBuiltIn(builtIn, request);
      if (named !== undefined) return { role: builtInRoleMessage(named) };
      const row = await customRoleStore.usable(db, tenantOf(request), request.id);
      return { role: customRoleMessage(found(row, request.id)) };
    },
    createRole: async (request) => ({ role: customRoleMessage(await createRole(platform, request)) }),
    updateRole: async (request, context) => ({
      role: customRoleMessage(await updateRole(platform, request, callerOf(context))),
    }),
    deleteRole: async (request) => ({ role: customRoleMessage(await deleteRole(platform, request)) }),
    setRoleBinding: async (request, context) => ({
      binding: bindingMessage(await setBinding(platform, request, callerOf(context))),
    }),
    deleteRoleBinding: async (request, context) => ({
      binding: bindingMessage(await deleteBinding(platform, request, callerOf(context))),
    }),
    async listRoleBindings(request) {
      const scope = scopeOf(request);
      const page = pageOf(request.paging);
      await demandScope(db, scope);
      const { narrower, role, principal } = request;
      const holders = principal === undefined ? {} : { principals: [principal] };
      const filter = { scope, narrower, role: role?.toLowerCase(), pending: pendingOf(request.state), ...holders };
      const { rows, next } = cutPage(page, await listBindings(db, filter, page));
      return { bindings: rows.map(bindingMessage), ...next };
    },
    listPermissions: () => ({ permissions }),
    check: async (request, context) => await check(platform, request, callerOf(context)),
  });
}

/** The built-in roles, then those of the platform and of the tenant. */
async function listRoles(db: Database, builtIn: readonly BuiltInRole[], request: AccessServiceListRolesRequest) {
  const kind = scopeKindOf(request.scope);
  const tenant = tenantOf(request);
  if (tenant !== null) await demandScope(db, { kind: "tenant", tenant });
  const own = kind === "platform" ? [] : await customRoleStore.list(db, tenant, kind);
  const shown = builtIn.filter(({ scope }) => kind === undefined || scope === kind);
  return [...shown.map(builtInRoleMessage), ...own.map(customRoleMessage)];
}

function pendingOf(state: RoleBindingState | undefined): boolean | undefined {
  return state ? state === RoleBindingState.PENDING : undefined;
}

/** Refuses a tenant or project that does not exist (only admins get so far), and such an environment. */
async function demandScope(db: Database, scope: Scope): Promise<void> {
  if (scope.kind === "platform") return;
  const exists =
    scope.kind === "tenant" ? await tenantStore.get(db, scope.tenant) : await projectStore.get(db, scope.project);
  if (exists !== undefined) return await demandPart(db, scope);
  const name = scope.kind === "tenant" ? `tenant ${scope.tenant}` : `project ${scope.project}`;
  throw new DomainError("missing", `${name} does not exist`);
}
