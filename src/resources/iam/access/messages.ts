import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type PermissionSchema,
  type RoleBindingSchema,
  RoleBindingState,
  type RoleSchema,
} from "../../../../gen/ts/iam/v1/access_pb.js";
import type { Methods, PermissionScope } from "../../../platform.js";
import type { BindingRow } from "./binding-list.js";
import { type BuiltInRole, isMethod } from "./built-in.js";
import type { CustomRoleRow } from "./role-store.js";
import { scopeKinds } from "./scope.js";

/** A built-in role as the API shows it. */
export function builtInRoleMessage(role: BuiltInRole): MessageInitShape<typeof RoleSchema> {
  const { id, description, permissions, scope } = role;
  return { id, name: id, description, builtIn: true, scope: scopeKinds[scope], permissions: [...permissions] };
}

/** A custom role as the API shows it. */
export function customRoleMessage(row: CustomRoleRow): MessageInitShape<typeof RoleSchema> {
  const { id, name, description } = row;
  return {
    id,
    name,
    description,
    scope: scopeKinds[row.scope],
    permissions: row.permissions.toSorted(),
    login: row.tenant ?? "",
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
  };
}

/** A binding, a membership or an invitation as the API shows it. */
export function bindingMessage(row: BindingRow): MessageInitShape<typeof RoleBindingSchema> {
  return {
    login: row.tenant ?? "",
    project: row.project ?? "",
    environment: row.scope === "environment" ? (row.part ?? "") : "",
    deployment: row.scope === "deployment" ? (row.part ?? "") : "",
    principal: row.principal ?? "",
    email: row.email ?? "",
    role: row.role,
    roleName: row.roleName,
    state: row.principal === null ? RoleBindingState.PENDING : RoleBindingState.ACTIVE,
    createdBy: row.createdBy,
    ...(row.createdAt === null ? {} : { createdAt: timestampFromDate(row.createdAt) }),
  };
}

/** All permissions as the API shows them, by name. */
export function permissionMessages({ permissions }: Methods): MessageInitShape<typeof PermissionSchema>[] {
  const kinds = Object.keys(scopeKinds) as PermissionScope[];
  return [...permissions].map(([name, { methods, scopes }]) => ({
    name,
    scopes: kinds.filter((kind) => scopes.has(kind)).map((kind) => scopeKinds[kind]),
    method: isMethod(name, methods) ? [...methods].join() : "",
  }));
}
