import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { SettingsSchema } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { eventNumbers } from "./rules.js";
import { noSettings, type SettingsRow } from "./store.js";

/** Settings as the API shows them; `names` has the names of custom roles by id. */
export function settingsMessage(
  login: string,
  row: SettingsRow | undefined,
  names: ReadonlyMap<string, { readonly name: string }>,
): MessageInitShape<typeof SettingsSchema> {
  const { defaultRoles, dns, tls, logs, metering } = row?.settings ?? noSettings;
  return {
    login,
    defaultRoles: defaultRoles.map(({ event, role }) => ({
      event: eventNumbers[event],
      role: names.get(role)?.name ?? role,
    })),
    dns: { ...dns },
    tls: { ...tls },
    logs: { ...logs },
    metering: { ...metering },
    version: BigInt(row?.version ?? 0),
    ...(row === undefined ? {} : { updatedAt: timestampFromDate(row.updatedAt) }),
  };
}
