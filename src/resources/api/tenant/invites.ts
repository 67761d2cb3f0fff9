import type { ServiceImpl } from "@connectrpc/connect";
import type { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { acceptInvite, inviteOf, newInvite, type OpenInvite, openInvites, withdrawInvite } from "../invite/invites.js";
import { askedTenantRole } from "../member/rules.js";
import { memberStore } from "../member/store.js";
import { found } from "./create.js";
import { tenantInviteMessage } from "./messages.js";
import { type TenantRow, tenantStore } from "./store.js";

/** The methods of TenantService by which people come into a tenant. */
export type TenantInvites = Pick<
  ServiceImpl<typeof TenantService>,
  "invite" | "inviteAccept" | "inviteDelete" | "invitesList" | "inviteGet"
>;

/** Builds them. */
export function tenantInvites(platform: Platform): TenantInvites {
  const { db } = platform;
  const target = async (login: string): Promise<TenantRow> => found(await tenantStore.get(db, login), login);
  const messages = async (invites: readonly OpenInvite[], into: TenantRow) => {
    const makers = await tenantStore.list(db, [...new Set(invites.map(({ row }) => row.createdBy))], {});
    const tenantOf = new Map(makers.map((tenant) => [tenant.login, tenant]));
    return invites.map((invite) => tenantInviteMessage(invite, into, tenantOf.get(invite.row.createdBy)));
  };
  const message = async (invite: OpenInvite, into: TenantRow) =>
    tenantInviteMessage(invite, into, await tenantStore.get(db, invite.row.createdBy));
  const opened = async (secret: string) => {
    const invite = await inviteOf(platform, "tenant", secret);
    return { invite, into: await target(invite.row.tenant ?? "") };
  };
  return {
    async invite({ login, role }, context) {
      const into = await target(login);
      const given = { tenant: login, project: null, role: askedTenantRole(role) };
      return { invite: await message(await newInvite(platform, callerOf(context), given), into) };
    },
    async inviteAccept({ secret }, context) {
      const { invite, into } = await opened(secret);
      const caller = callerOf(context);
      const key = { tenant: into.login, member: caller.user };
      await acceptInvite(platform, caller, invite, async (tx, now) => {
        await memberStore.lockTenant(tx, into.login);
        if ((await memberStore.tenantMember(tx, key)) !== undefined) throw alreadyMember(into.login);
        await memberStore.setTenantRole(tx, { ...key, role: invite.row.role, now });
      });
      return { tenant: into.login, tenantName: into.name };
    },
    async inviteDelete({ login, secret }) {
      await withdrawInvite(platform, { tenant: login, project: null }, secret);
      return {};
    },
    async invitesList({ login }, context) {
      const into = await target(login);
      const invites = await openInvites(platform, callerOf(context), { tenant: login, project: null });
      return { invites: await messages(invites, into) };
    },
    async inviteGet({ secret }) {
      const { invite, into } = await opened(secret);
      return { invite: await message(invite, into) };
    },
  };
}

const alreadyMember = (tenant: string): DomainError =>
  new DomainError("exists", `you are a member of tenant ${tenant} already: its owners can change your role`);
