import type { ConnectRouter } from "@connectrpc/connect";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import { callerOf } from "../../../caller.js";
import type { Platform } from "../../../platform.js";
import { adminRoleName, projectRoleName, tenantRoleName } from "../roles.js";
import { permissionMessages, roleMessages } from "../token/messages.js";
import { singleMethods } from "./rules.js";

/** api.v1.MethodService: which methods there are, and which a token may call. */
export function registerMethods(router: ConnectRouter, platform: Platform): void {
  router.service(MethodService, {
    list: () => ({ methods: [...platform.methods.names] }),
    tokenScopedList(_, context) {
      const caller = callerOf(context);
      const { granted } = caller;
      const roles = {
        projectRoles: named(granted.projectRoles, projectRoleName),
        tenantRoles: named(granted.tenantRoles, tenantRoleName),
        adminRole: adminRoleName(granted.adminRole) ?? null,
      };
      return {
        permissions: permissionMessages(singleMethods(caller, platform.methods)),
        roles: roleMessages(roles),
        projectRoles: Object.fromEntries(granted.projectRoles),
        tenantRoles: Object.fromEntries(granted.tenantRoles),
        ...(granted.adminRole === undefined ? {} : { adminRole: granted.adminRole }),
      };
    },
  });
}

function named<Role, Name extends string>(
  roles: ReadonlyMap<string, Role>,
  nameOf: (role: Role) => Name | undefined,
): Record<string, Name> {
  const names: Record<string, Name> = {};
  for (const [subject, role] of roles) {
    const name = nameOf(role);
    if (name !== undefined) names[subject] = name;
  }
  return names;
}
