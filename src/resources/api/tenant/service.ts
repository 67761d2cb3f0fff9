import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { TenantService, type TenantServiceUpdateMemberRequest } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { leaveTenant } from "../member/leave.js";
import { askedTenantRole, demandGivable } from "../member/rules.js";
import { memberStore, type TenantMemberRow } from "../member/store.js";
import { createOrUpdateTenant, createTenant, found } from "./create.js";
import { deleteTenant } from "./delete.js";
import { tenantInvites } from "./invites.js";
import { reducedTenantMessage, tenantMemberMessage, tenantMemberMessages, tenantMessage } from "./messages.js";
import { requestAdmission } from "./request-admission.js";
import { askedAdmission, askedChanges, visibleTenants } from "./rules.js";
import { tenantStore } from "./store.js";

/** api.v1.TenantService: who owns projects and pays for them. */
export function registerTenant(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(TenantService, {
    async create(request, context) {
      return { tenant: tenantMessage(await createTenant(platform, callerOf(context), request)) };
    },
    async createOrUpdate({ tenant }) {
      return { tenant: tenantMessage(await createOrUpdateTenant(platform, tenant)) };
    },
    async list(request, context) {
      // Past the cache: whoever has just made or joined a tenant finds it here.
      const { all, reduced } = visibleTenants((await platform.callerNow(callerOf(context))).granted);
      const rows = await tenantStore.list(db, [...all, ...reduced], request);
      return { tenants: rows.map((row) => (all.has(row.login) ? tenantMessage : reducedTenantMessage)(row)) };
    },
    async get({ login }) {
      const row = found(await tenantStore.get(db, login), login);
      const own = await memberStore.tenantMembers(db, login);
      const inProjects = await memberStore.inProjectsOf(db, login);
      return { tenant: tenantMessage(row), tenantMembers: tenantMemberMessages(own, inProjects) };
    },
    async update(request) {
      const { login } = request;
      return {
        tenant: tenantMessage(found(await tenantStore.update(db, login, askedChanges(request), clock()), login)),
      };
    },
    async delete({ login }) {
      return { tenant: await deleteTenant(platform, login) };
    },
    async requestAdmission(request) {
      await requestAdmission(platform, request.login, askedAdmission(request));
      return {};
    },
    ...tenantMembership(platform),
    ...tenantInvites(platform),
  });
}

function tenantMembership(
  platform: Platform,
): Pick<ServiceImpl<typeof TenantService>, "removeMember" | "updateMember"> {
  const { db } = platform;
  return {
    async removeMember({ login, memberId }) {
      if (await leaveTenant(db, { tenant: login, member: memberId })) return {};
      throw noMember(login, memberId);
    },
    async updateMember(request, context) {
      const row = await updateMember(platform, callerOf(context), request);
      const direct = await memberStore.inProjectsOf(db, row.tenant, row.member);
      return {
        tenantMember: tenantMemberMessage(
          row,
          direct.map(({ project }) => project),
        ),
      };
    },
  };
}

/** Members of a project only, who are guests, become members of the tenant. */
async function updateMember(
  { db, clock, callerNow }: Platform,
  cached: Caller,
  { login, memberId, role }: TenantServiceUpdateMemberRequest,
): Promise<TenantMemberRow> {
  const caller = await callerNow(cached);
  const given = demandGivable(caller, { tenant: login, project: null, role: askedTenantRole(role) });
  const key = { tenant: login, member: memberId };
  return await db.transaction(async (tx) => {
    await memberStore.lockTenant(tx, login);
    const isMember =
      (await memberStore.tenantMember(tx, key)) !== undefined ||
      (await memberStore.inProjectsOf(tx, login, memberId)).length > 0;
    if (!isMember) throw noMember(login, memberId);
    return await memberStore.setTenantRole(tx, { ...key, role: given.role, now: clock() });
  });
}

const noMember = (tenant: string, member: string): DomainError =>
  new DomainError("missing", `${member} is no member of tenant ${tenant}`);
