import { type IP, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { PlatformSettings } from "../../../platform.js";
import type { PoolOffer } from "../../infra/address-pool/store.js";
import type { IpRow } from "./store.js";

/** Tags by which a caller chooses among the pools. */
export const poolTags = {
  network: "slipway.dev/network",
  partition: "slipway.dev/partition",
  family: "slipway.dev/family",
};

const longestTag = 256;

/** Refuses tags that are empty, too long, or there twice. */
export function refuseBadTags(field: string, tags: readonly string[]): void {
  for (const [i, tag] of tags.entries()) {
    if (tag === "" || tag.length > longestTag) {
      throw invalidField(`${field}[${i}]`, `must be 1 to ${longestTag} characters long`);
    }
    if (tags.indexOf(tag) !== i) throw invalidField(`${field}[${i}]`, "is there twice");
  }
}

/** The family of addresses that the tags ask for; undefined for either. */
export function askedFamily(tags: readonly string[]): 4 | 6 | undefined {
  const asked = tags.find((tag) => tag.startsWith(`${poolTags.family}=`));
  return asked === undefined ? undefined : asked.endsWith("6") ? 6 : 4;
}

/** The pools that an order may be served from, in their order: those that fit what its tags ask for. */
export function poolsFor(pools: readonly PoolOffer[], tags: readonly string[]): PoolOffer[] {
  const asked = (name: string): string | undefined =>
    tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
  const network = asked(poolTags.network);
  const partition = asked(poolTags.partition);
  const family = asked(poolTags.family);
  if (family !== undefined && family !== "ipv4" && family !== "ipv6") {
    throw invalidField("tags", `${poolTags.family} must be ipv4 or ipv6`);
  }
  const fitting = pools.filter(
    (pool) =>
      (network === undefined || pool.network === network) &&
      (partition === undefined || pool.partition === null || pool.partition === partition) &&
      (family === undefined || pool.cidrs.some((cidr) => cidr.includes(":") === (family === "ipv6"))),
  );
  if (fitting.length > 0) return fitting;
  throw new DomainError("precondition", "no pool of addresses fits: ask the operators which networks there are");
}

/** What an update changes; refuses what cannot be changed. An update carries the whole address. */
export function changeOf(
  current: IpRow,
  project: string,
  ip: IP,
): Pick<IpRow, "name" | "description" | "type" | "tags"> {
  if (ip.project !== project) throw invalidField("ip.project", "must be the project of the request");
  if (ip.ip !== "" && ip.ip !== current.address) throw invalidField("ip.ip", "an address cannot be exchanged");
  if (ip.network !== "" && ip.network !== current.network) throw invalidField("ip.network", "cannot be changed");
  refuseBadTags("ip.tags", ip.tags);
  const { name, description, tags } = ip;
  return { name, description, tags: [...tags], type: typeOf(current, ip.type) };
}

function typeOf(current: IpRow, asked: IPType): IpRow["type"] {
  switch (asked) {
    case IPType.IP_TYPE_STATIC:
      return "static";
    case IPType.IP_TYPE_EPHEMERAL:
      if (current.type === "static") {
        throw new DomainError("precondition", "a static address cannot become ephemeral: release it instead");
      }
      return "ephemeral";
    case IPType.IP_TYPE_UNSPECIFIED:
      return current.type;
    default:
      throw invalidField("ip.type", "is unknown");
  }
}

/** When an address that is released now may be handed out again. */
export function quarantineEnd(settings: Pick<PlatformSettings, "addressQuarantineSeconds">, now: Date): Date {
  return new Date(now.getTime() + settings.addressQuarantineSeconds * 1000);
}
