import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type Tenant,
  type TenantMemberSchema,
  TenantSchema,
  TermsAndConditionsSchema,
} from "../../../../gen/ts/api/v1/tenant_pb.js";
import { tenantRoles } from "../roles.js";
import type { TenantMemberRow, TenantRow } from "./store.js";

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

/** A member of a tenant as the API shows it. */
export function tenantMemberMessage(row: TenantMemberRow): MessageInitShape<typeof TenantMemberSchema> {
  return { id: row.member, role: tenantRoles[row.role], createdAt: timestampFromDate(row.createdAt) };
}
