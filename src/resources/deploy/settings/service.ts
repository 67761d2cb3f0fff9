import type { ConnectRouter } from "@connectrpc/connect";
import { SettingsService } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { tenantStore } from "../../api/tenant/store.js";
import { isBuiltIn } from "../../iam/access/built-in.js";
import { customRoleStore } from "../../iam/access/role-store.js";
import { updateSettings } from "./change.js";
import { settingsMessage } from "./messages.js";
import { type SettingsRow, settingsStore } from "./store.js";

/** deploy.v1.SettingsService: what a tenant sets for all of its deployments. */
export function registerSettings(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const message = async (login: string, row: SettingsRow | undefined) => {
    const named = (row?.settings.defaultRoles ?? []).map(({ role }) => role).filter((role) => !isBuiltIn(role));
    return settingsMessage(login, row, await customRoleStore.among(db, named));
  };
  router.service(SettingsService, {
    async get({ login }) {
      const row = await settingsStore.get(db, login);
      // An operator may ask for any name.
      if (row === undefined && (await tenantStore.get(db, login)) === undefined) {
        throw new DomainError("missing", `tenant ${login} does not exist`);
      }
      return { settings: await message(login, row) };
    },
    async update(request, context) {
      const row = await updateSettings(platform, request, callerOf(context));
      return { settings: await message(request.login, row) };
    },
  });
}
