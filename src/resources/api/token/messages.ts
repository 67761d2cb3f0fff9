import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type MethodPermissionSchema,
  type TokenRoleSchema,
  type TokenSchema,
  TokenType,
} from "../../../../gen/ts/api/v1/token_pb.js";
import { adminRoles, projectRoles, tenantRoles } from "../roles.js";
import type { TokenRow } from "./store.js";
import type { StoredPermissions } from "./table.js";

const tokenTypes = { api: TokenType.API, console: TokenType.CONSOLE } as const;

/** A token as its owner sees it; never with its secret. */
export function tokenMessage(row: TokenRow): MessageInitShape<typeof TokenSchema> {
  return {
    uuid: row.id,
    userId: row.owner,
    description: row.description,
    permissions: permissionMessages(row.permissions),
    roles: roleMessages(row),
    expires: timestampFromDate(row.expiresAt),
    issuedAt: timestampFromDate(row.issuedAt),
    tokenType: tokenTypes[row.type],
    projectRoles: mapValues(row.projectRoles, (role) => projectRoles[role]),
    tenantRoles: mapValues(row.tenantRoles, (role) => tenantRoles[role]),
    ...(row.adminRole === null ? {} : { adminRole: adminRoles[row.adminRole] }),
  };
}

/** Permissions as the API shows them, in a stable order. */
export function permissionMessages(permissions: StoredPermissions): MessageInitShape<typeof MethodPermissionSchema>[] {
  return Object.entries(permissions).map(([subject, methods]) => ({ subject, methods: [...methods].sort() }));
}

/** The roles in the older form: one list for tenants, projects and administration. */
export function roleMessages(
  roles: Pick<TokenRow, "projectRoles" | "tenantRoles" | "adminRole">,
): MessageInitShape<typeof TokenRoleSchema>[] {
  const pairs = [
    ...Object.entries(roles.projectRoles),
    // The older form has no guests.
    ...Object.entries(roles.tenantRoles).filter(([, role]) => role !== "guest"),
    ...(roles.adminRole === "editor" ? [["*", "admin"] as const] : []),
  ];
  const known = new Set<string>();
  return pairs.flatMap(([subject, role]) => {
    const pair = `${subject} ${role}`;
    if (known.has(pair)) return [];
    known.add(pair);
    return [{ subject, role }];
  });
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, convert: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}
