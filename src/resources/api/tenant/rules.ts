import type {
  Tenant,
  TenantServiceCreateRequest,
  TenantServiceRequestAdmissionRequest,
  TenantServiceUpdateRequest,
} from "../../../../gen/ts/api/v1/tenant_pb.js";
import type { Rights } from "../../../caller.js";
import { DomainError, invalidField } from "../../../errors.js";
import { tenantRoles } from "../roles.js";
import { isUuid } from "../uuid.js";
import { checkedDescription, checkedEmail, checkedName, checkedPhone, checkedPicture, checkedVat } from "./fields.js";
import type { TenantChanges, TenantFields, TenantRow } from "./store.js";

/** Whether a tenant is somebody's own: their login is its id, and nobody else could have made it. */
export function isPersonal({ login, createdBy }: Pick<TenantRow, "login" | "createdBy">): boolean {
  return login === createdBy;
}

const getTenant = "/api.v1.TenantService/Get";

/** The tenants that somebody can see: with everything by a role, or a custom role that lets them; reduced as a guest. */
export function visibleTenants({ tenantRoles: roles, tenantMethods }: Rights): {
  readonly all: ReadonlySet<string>;
  readonly reduced: ReadonlySet<string>;
} {
  const byRole = [...roles].filter(([, role]) => role !== tenantRoles.guest).map(([login]) => login);
  const byMethod = [...tenantMethods].filter(([, methods]) => methods.has(getTenant)).map(([login]) => login);
  const all = new Set([...byRole, ...byMethod]);
  return { all, reduced: new Set([...roles.keys()].filter((login) => !all.has(login))) };
}

/** A login that a new tenant may bear; uuids are left to projects. */
export function checkedLogin(field: string, login: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/.test(login)) {
    throw invalidField(field, "must be 2 to 63 lower case letters, digits and hyphens, with no hyphen at its ends");
  }
  if (isUuid(login)) throw invalidField(field, "must not look like a uuid");
  return login;
}

/** What a request says of the tenant to make: the fields beside the tenant win over those in it. */
export function askedTenant(request: TenantServiceCreateRequest): { login: string } & TenantFields {
  const { tenant, ...beside } = request;
  if (tenant === undefined) throw invalidField("tenant", "must be set");
  return {
    login: tenant.login === "" ? "" : checkedLogin("tenant.login", tenant.login),
    ...describedTenant({
      ...tenant,
      description: beside.description ?? tenant.description,
      email: beside.email ?? tenant.email,
      avatarUrl: beside.avatarUrl ?? tenant.avatarUrl,
      phoneNumber: beside.phoneNumber ?? tenant.phoneNumber,
    }),
  };
}

/** What a message says of a tenant; without a name the login is its name. */
export function describedTenant(tenant: Omit<Tenant, "$typeName" | "$unknown">): TenantFields {
  return {
    name: tenant.name === "" && tenant.login !== "" ? tenant.login : checkedName("tenant.name", tenant.name),
    email: checkedEmail("tenant.email", tenant.email),
    description: checkedDescription("tenant.description", tenant.description),
    avatarUrl: checkedPicture("tenant.avatar_url", tenant.avatarUrl),
    phoneNumber: checkedPhone("tenant.phone_number", tenant.phoneNumber),
    emailConsent: tenant.emailConsent,
    onboarded: tenant.onboarded,
  };
}

/** What an update asks for; throws "invalid" for what only the payment processor sets. */
export function askedChanges(request: TenantServiceUpdateRequest): TenantChanges {
  const { name, email, description, avatarUrl, onboarded, paymentDetails } = request;
  for (const key of ["customerId", "paymentMethodId", "subscriptionId"] as const) {
    if (paymentDetails?.[key] === undefined) continue;
    const field = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    throw invalidField(`payment_details.${field}`, "is set by the payment processor: leave it out");
  }
  return {
    ...(name === undefined ? {} : { name: checkedName("name", name) }),
    ...(email === undefined ? {} : { email: checkedEmail("email", email) }),
    ...(description === undefined ? {} : { description }),
    ...(avatarUrl === undefined ? {} : { avatarUrl: checkedPicture("avatar_url", avatarUrl) }),
    ...(onboarded === undefined ? {} : { onboarded }),
    ...(paymentDetails?.vat === undefined ? {} : { vat: checkedVat("payment_details.vat", paymentDetails.vat) }),
    acceptsTerms: request.acceptTermsAndConditions === true || request.termsAndConditions?.accepted === true,
  };
}

/** What a tenant tells the operators who decide about its admission. */
export function askedAdmission(request: TenantServiceRequestAdmissionRequest): {
  readonly note: string;
  readonly emailConsent: boolean;
} {
  if (!request.acceptedTermsAndConditions) {
    throw new DomainError(
      "precondition",
      "the terms and conditions must be accepted: set accepted_terms_and_conditions once you have read them",
    );
  }
  return { note: `${checkedName("name", request.name)} <${request.email}>`, emailConsent: request.emailConsent };
}
