import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import {
  PaymentDetailsSchema,
  type Tenant,
  type TenantInviteSchema,
  type TenantMemberSchema,
  TenantSchema,
  TermsAndConditionsSchema,
} from "../../../../gen/ts/api/v1/tenant_pb.js";
import type { OpenInvite } from "../invite/invites.js";
import type { ProjectMemberRow, TenantMemberRow } from "../member/store.js";
import { tenantRoles } from "../roles.js";
import type { TenantRow } from "./store.js";

/** A tenant as its members see it. */
export function tenantMessage(row: TenantRow): Tenant {
  return Object.assign(reducedTenantMessage(row), {
    email: row.email,
    oauthProvider: row.oauthProvider,
    admitted: row.admitted,
    phoneNumber: row.phoneNumber,
    termsAndConditions: create(TermsAndConditionsSchema, {
      accepted: row.termsAcceptedAt !== null,
      ...(row.termsAcceptedAt === null ? {} : { when: timestampFromDate(row.termsAcceptedAt) }),
    }),
    emailConsent: row.emailConsent,
    onboarded: row.onboarded,
    ...(row.vat === "" ? {} : { paymentDetails: create(PaymentDetailsSchema, { vat: row.vat }) }),
    createdBy: row.createdBy,
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  });
}

/** A tenant as its guests see it: who it is, and no more. */
export function reducedTenantMessage(row: TenantRow): Tenant {
  const { login, name, description, avatarUrl } = row;
  return create(TenantSchema, { login, name, description, avatarUrl });
}

/** A member of a tenant as the API shows it; of a guest also the projects. */
export function tenantMemberMessage(
  row: TenantMemberRow,
  projectIds: readonly string[] = [],
): MessageInitShape<typeof TenantMemberSchema> {
  return {
    id: row.member,
    role: tenantRoles[row.role],
    projectIds: row.role === "guest" ? [...projectIds] : [],
    createdAt: timestampFromDate(row.createdAt),
  };
}

/** All members of a tenant: its own, and as guests those who belong to projects of it only. */
export function tenantMemberMessages(
  own: readonly TenantMemberRow[],
  inProjects: readonly ProjectMemberRow[],
): MessageInitShape<typeof TenantMemberSchema>[] {
  const byMember = new Map<string, ProjectMemberRow[]>();
  for (const row of inProjects) byMember.set(row.member, [...(byMember.get(row.member) ?? []), row]);
  const projectsOf = (member: string) => (byMember.get(member) ?? []).map(({ project }) => project);
  const members = own.map((row) => tenantMemberMessage(row, projectsOf(row.member)));
  const known = new Set(own.map(({ member }) => member));
  for (const [id, rows] of byMember) {
    if (known.has(id)) continue;
    const since = new Date(Math.min(...rows.map(({ createdAt }) => createdAt.getTime())));
    members.push({ id, role: TenantRole.GUEST, projectIds: projectsOf(id), createdAt: timestampFromDate(since) });
  }
  return members.sort((a, b) => ((a.id ?? "") < (b.id ?? "") ? -1 : 1));
}

/** An invitation into a tenant as the API shows it; `from` is the personal tenant of its maker, if there is one. */
export function tenantInviteMessage(
  { row, secret }: OpenInvite,
  target: TenantRow,
  from: TenantRow | undefined,
): MessageInitShape<typeof TenantInviteSchema> {
  return {
    secret,
    targetTenant: target.login,
    targetTenantName: target.name,
    role: tenantRoles[row.role],
    tenant: from?.login ?? "",
    tenantName: from?.name ?? "",
    joined: false,
    expiresAt: timestampFromDate(row.expiresAt),
  };
}
