import type { ConnectRouter } from "@connectrpc/connect";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { reducedTenantMessage, tenantMemberMessage, tenantMessage } from "./messages.js";
import { tenantStore } from "./store.js";

/** api.v1.TenantService: who owns projects and pays for them. */
export function registerTenant(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(TenantService, {
    async list(request, context) {
      const roles = callerOf(context).granted.tenantRoles;
      const rows = await tenantStore.list(db, [...roles.keys()], request);
      return {
        tenants: rows.map((row) =>
          roles.get(row.login) === TenantRole.GUEST ? reducedTenantMessage(row) : tenantMessage(row),
        ),
      };
    },
    async get(request) {
      const { login } = request;
      const row = await tenantStore.get(db, login);
      if (row === undefined) throw new DomainError("missing", `tenant ${login} does not exist`);
      const members = await tenantStore.members(db, login);
      return { tenant: tenantMessage(row), tenantMembers: members.map(tenantMemberMessage) };
    },
  });
}
