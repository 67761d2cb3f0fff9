import type { ConnectRouter } from "@connectrpc/connect";
import {
  TenantService,
  type TenantServiceAddMemberRequest,
  type TenantServiceAdmitRequest,
  type TenantServiceListRequest,
} from "../../../../gen/ts/admin/v1/tenant_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { askedTenantRole, demandGivable } from "../member/rules.js";
import { memberStore } from "../member/store.js";
import { cutPage, pageOf } from "../paging.js";
import { addBalance, grantCoupon } from "../payment/credit.js";
import { customerStore } from "../payment/store.js";
import { found } from "./create.js";
import { tenantMessage } from "./messages.js";
import { type TenantRow, tenantStore } from "./store.js";

/** admin.v1.TenantService: all tenants, their admission and their members, for operators. */
export function registerAdminTenant(router: ConnectRouter, platform: Platform): void {
  const { db, clock, standings } = platform;
  router.service(TenantService, {
    async list(request) {
      const page = pageOf(request.paging);
      const { rows, next } = cutPage(page, await findTenants(platform, request, page));
      return { tenants: rows.map(tenantMessage), ...next };
    },
    async admit(request) {
      const row = await admit(platform, request);
      standings.forget(row.login);
      return { tenant: tenantMessage(row) };
    },
    async revoke({ tenantId }) {
      const row = found(await tenantStore.setAdmitted(db, tenantId, false, clock()), tenantId);
      standings.forget(row.login);
      return { tenant: tenantMessage(row) };
    },
    async addMember(request, context) {
      await addMember(platform, callerOf(context), request);
      return {};
    },
  });
}

/** Admits a tenant with what it is given to begin with: both, or neither. */
async function admit(
  platform: Platform,
  { tenantId, couponId, balanceToAdd }: TenantServiceAdmitRequest,
): Promise<TenantRow> {
  return await platform.db.transaction(async (tx) => {
    const row = found(await tenantStore.setAdmitted(tx, tenantId, true, platform.clock()), tenantId);
    if (couponId === undefined && balanceToAdd === undefined) return row;
    if ((await customerStore.lock(tx, tenantId)) === undefined) {
      throw new DomainError(
        "precondition",
        `tenant ${tenantId} has no customer account that could have a coupon or a balance: admit it without`,
      );
    }
    if (couponId !== undefined) await grantCoupon(tx, platform, tenantId, couponId);
    if (balanceToAdd !== undefined) await addBalance(tx, platform, tenantId, balanceToAdd);
    return row;
  });
}

async function findTenants(
  { db }: Platform,
  { organisationId, ...filter }: TenantServiceListRequest,
  page: ReturnType<typeof pageOf>,
): Promise<TenantRow[]> {
  // Users become tenants here, organizations of login providers do not.
  if (organisationId !== undefined) return [];
  return await tenantStore.find(db, filter, page);
}

async function addMember(
  { db, clock }: Platform,
  caller: Caller,
  { tenantId, memberId, role }: TenantServiceAddMemberRequest,
): Promise<void> {
  const given = demandGivable(caller, { tenant: tenantId, project: null, role: askedTenantRole(role) });
  const key = { tenant: tenantId, member: memberId };
  await db.transaction(async (tx) => {
    await memberStore.lockTenant(tx, tenantId);
    if ((await memberStore.tenantMember(tx, key)) !== undefined) {
      throw new DomainError("exists", `${memberId} is a member of tenant ${tenantId} already`);
    }
    await memberStore.setTenantRole(tx, { ...key, role: given.role, now: clock() });
  });
}
