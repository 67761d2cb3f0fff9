import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UserSchema } from "../../../../gen/ts/api/v1/user_pb.js";
import type { PrincipalRow } from "../../iam/principal/store.js";
import { projectMessage } from "../project/messages.js";
import type { ProjectRow } from "../project/store.js";
import { reducedTenantMessage, tenantMessage } from "../tenant/messages.js";
import type { TenantRow } from "../tenant/store.js";

/** To what a user belongs. */
export interface Belongings {
  readonly tenants: readonly TenantRow[];
  readonly projects: readonly ProjectRow[];
  /** Whether the user is a guest of the tenant, who sees no more than who it is. */
  isGuest(login: string): boolean;
}

/**
 * A user as the API shows it. The default tenant is the personal one, that of a bot or team the one to which it
 * belongs; it and its default project are there only if they are among what is shown anyway.
 */
export function userMessage(
  row: PrincipalRow,
  { tenants, projects, isGuest }: Belongings,
): MessageInitShape<typeof UserSchema> {
  const own = row.kind === "user" ? row.id : row.tenant;
  const shown = (tenant: TenantRow) => (isGuest(tenant.login) ? reducedTenantMessage(tenant) : tenantMessage(tenant));
  const defaultTenant = tenants.find(({ login }) => login === own);
  const defaultProject = projects.find(({ tenant, isDefault }) => tenant === own && isDefault);
  return {
    login: row.id,
    name: row.name,
    email: row.email,
    avatarUrl: row.avatarUrl,
    oauthProvider: row.oauthProvider,
    tenants: tenants.map(shown),
    projects: projects.map(projectMessage),
    ...(defaultTenant === undefined ? {} : { defaultTenant: shown(defaultTenant) }),
    ...(defaultProject === undefined ? {} : { defaultProject: projectMessage(defaultProject) }),
  };
}
