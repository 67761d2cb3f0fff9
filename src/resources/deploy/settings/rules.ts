import type {
  DefaultRole,
  SettingsServiceUpdateRequest,
  TLSSettings,
} from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { DefaultRoleEvent } from "../../../../gen/ts/deploy/v1/settings_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { DeploySettings } from "./table.js";

type GivenRole = DeploySettings["defaultRoles"][number];

/** The events of default roles, as the API numbers them. */
export const eventNumbers: Readonly<Record<GivenRole["event"], DefaultRoleEvent>> = {
  member_added: DefaultRoleEvent.MEMBER_ADDED,
  team_created: DefaultRoleEvent.TEAM_CREATED,
};

/** The event of a default role; throws "invalid" for none. */
export function eventOf(field: string, { event }: DefaultRole): GivenRole["event"] {
  if (event === DefaultRoleEvent.MEMBER_ADDED) return "member_added";
  if (event === DefaultRoleEvent.TEAM_CREATED) return "team_created";
  throw invalidField(`${field}.event`, "must be specified");
}

/** Whether two default roles are the same. */
export const isSame = (a: GivenRole, b: GivenRole): boolean => a.event === b.event && a.role === b.role;

/** Refuses a change of settings that are not at that version any more. */
export function refuseStale(version: number, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `the settings have version ${version} now: read them again`);
}

/** What a request sets, but for the default roles; throws "invalid" for what Kubernetes would refuse. */
export function askedSettings({
  dns,
  tls,
  logs,
  metering,
}: SettingsServiceUpdateRequest): Partial<Omit<DeploySettings, "defaultRoles">> {
  return {
    ...(dns === undefined ? {} : { dns: { zone: zoneOf(dns.zone), provider: dns.provider } }),
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
    ...(logs === undefined ? {} : { logs: { tail: logs.tail } }),
    ...(metering === undefined ? {} : { metering: { externalId: metering.externalId } }),
  };
}

const longestZone = 200;

/** Names below it need room in the 253 characters that a hostname has. */
function zoneOf(zone: string): string {
  if (zone.length <= longestZone) return zone;
  throw invalidField("dns.zone", `must have ${longestZone} characters at most`);
}

function tlsOf({ clusterIssuer, required }: TLSSettings): DeploySettings["tls"] {
  if (!/^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$/.test(clusterIssuer)) {
    throw invalidField("tls.cluster_issuer", "must be lower-case letters, digits, dashes and dots, as names are");
  }
  return { clusterIssuer, required };
}
