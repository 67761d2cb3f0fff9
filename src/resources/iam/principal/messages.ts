import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Principal, PrincipalKind, PrincipalSchema } from "../../../../gen/ts/iam/v1/principal_pb.js";
import { adminRoles } from "../../api/roles.js";
import type { View } from "./rules.js";
import type { PrincipalRow } from "./store.js";

const kinds: Readonly<Record<PrincipalRow["kind"], PrincipalKind>> = {
  user: PrincipalKind.USER,
  bot: PrincipalKind.BOT,
  team: PrincipalKind.TEAM,
  group: PrincipalKind.GROUP,
};

/** A principal, as far as the view shows it, with the members of a team or group. */
export function principalMessage(row: PrincipalRow, view: View, members: readonly string[] = []): Principal {
  const { id, name, avatarUrl, enabled } = row;
  const shown = create(PrincipalSchema, {
    id,
    kind: kinds[row.kind],
    login: row.tenant ?? (row.kind === "user" ? id : ""),
    name,
    avatarUrl,
    enabled,
    createdAt: timestampFromDate(row.createdAt),
  });
  if (view === "name") return shown;
  shown.email = row.email;
  shown.members = [...members];
  if (row.signedInAt !== null) shown.signedInAt = timestampFromDate(row.signedInAt);
  if (view === "contact") return shown;
  shown.description = row.description;
  shown.oauthProvider = row.oauthProvider;
  if (row.adminRole !== null) shown.adminRole = adminRoles[row.adminRole];
  shown.tags = [...row.tags];
  shown.createdBy = row.createdBy;
  shown.updatedAt = timestampFromDate(row.updatedAt);
  return shown;
}

/** The database name of a kind; undefined for UNSPECIFIED. */
export function principalKindName(kind: PrincipalKind | undefined): PrincipalRow["kind"] | undefined {
  return (Object.keys(kinds) as PrincipalRow["kind"][]).find((name) => kinds[name] === kind);
}
