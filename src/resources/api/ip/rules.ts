import { type IP, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { PlatformSettings } from "../../../platform.js";
import type { IpRow, NewIp, NoAddress } from "./store.js";

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

/** Which pools the tags ask for; what they do not name matches all. */
export function askedPools(tags: readonly string[]): Pick<NewIp, "network" | "partition" | "family"> {
  const asked = (name: string): string | undefined =>
    tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
  return {
    network: asked(poolTags.network),
    partition: asked(poolTags.partition),
    family: familyOf(asked(poolTags.family)),
  };
}

function familyOf(asked: string | undefined): 4 | 6 | undefined {
  if (asked === undefined) return undefined;
  if (asked === "ipv4") return 4;
  if (asked === "ipv6") return 6;
  throw invalidField("tags", `${poolTags.family} must be ipv4 or ipv6`);
}

/** What to tell a caller who gets no address. */
export function refusalOf(reason: NoAddress, most: number): DomainError {
  switch (reason) {
    case "unfit":
      return new DomainError("precondition", "no pool of addresses fits: ask the operators which networks there are");
    case "quota":
      return new DomainError("exhausted", `the project has ${most} addresses, and may have no more: release one first`);
    case "exhausted":
      return new DomainError("exhausted", "all addresses are taken: try again later or ask the operators", {
        retryAfterMs: 60_000,
      });
  }
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
