import type { ConnectRouter } from "@connectrpc/connect";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { UserService } from "../../../../gen/ts/api/v1/user_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { principalStore } from "../../iam/principal/store.js";
import { visibleProjects } from "../project/rules.js";
import { projectStore } from "../project/store.js";
import { tenantStore } from "../tenant/store.js";
import { userMessage } from "./messages.js";

/** api.v1.UserService: the owner of the calling token, as far as the token lets it be seen. */
export function registerUser(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(UserService, {
    async get(_, context) {
      // Past the cache: whoever has just made or joined something finds it here.
      const { user, granted } = await platform.callerNow(callerOf(context));
      const row = await principalStore.get(db, user);
      if (row === undefined) throw new DomainError("missing", `principal ${user} does not exist`);
      const tenants = await tenantStore.list(db, [...granted.tenantRoles.keys()], {});
      const projects = await projectStore.list(db, visibleProjects(granted), {});
      const isGuest = (login: string) => granted.tenantRoles.get(login) === TenantRole.GUEST;
      return { user: userMessage(row, { tenants, projects, isGuest }) };
    },
  });
}
