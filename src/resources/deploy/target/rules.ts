import type { Router } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import { isLabelKey } from "../environment/labels.js";
import type { TargetRow } from "./store.js";
import type { RouterSettings } from "./table.js";

/** Most targets of a project. */
export const mostTargets = 100;

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const domainPattern = new RegExp(`^${label}(\\.${label})+$`);
const subdomainPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
/** All annotations of an object must fit into 256 KiB; these leave room for others. */
const mostAnnotationBytes = 65_536;

/** The row; or NOT_FOUND. */
export function found<Row extends object>(row: Row | undefined, target: string): Row {
  if (row === undefined) throw new DomainError("missing", `target ${target} does not exist`);
  return row;
}

/** Refuses a change that is based on another version than the present one. */
export function refuseStale({ name, version }: TargetRow, expected: bigint | undefined): void {
  if (expected === undefined || BigInt(version) === expected) return;
  throw new DomainError("conflict", `target ${name} has version ${version} now: read it again`);
}

/** The routers of a request; throws "invalid" for what Kubernetes would refuse, and for two that cannot be told apart. */
export function routersOf(field: string, routers: readonly Router[]): RouterSettings[] {
  const names = new Set<string>();
  let hasDefault = false;
  return routers.map(
    ({ name, ingressClass, domain, tlsSecret, clusterIssuer, annotations, isDefault }, i): RouterSettings => {
      const at = `${field}[${i}]`;
      if (names.has(name)) throw invalidField(`${at}.name`, "is the name of another router already");
      names.add(name);
      if (isDefault && hasDefault) throw invalidField(`${at}.is_default`, "is set of another router already");
      hasDefault ||= isDefault;
      refuseBadName(`${at}.ingress_class`, ingressClass);
      refuseBadName(`${at}.tls_secret`, tlsSecret);
      refuseBadName(`${at}.cluster_issuer`, clusterIssuer);
      if (domain !== "" && (domain.length > 253 || !domainPattern.test(domain))) {
        throw invalidField(`${at}.domain`, "must be a domain in lower case, such as apps.example.com");
      }
      if (tlsSecret !== "" && domain === "") {
        throw invalidField(`${at}.domain`, "must be given with tls_secret, whose certificate is for it");
      }
      refuseBadAnnotations(`${at}.annotations`, annotations);
      return {
        name,
        ingressClass,
        domain,
        tlsSecret,
        clusterIssuer,
        annotations: { ...annotations },
        isDefault,
      };
    },
  );
}

function refuseBadName(at: string, name: string): void {
  if (name === "" || (name.length <= 253 && subdomainPattern.test(name))) return;
  throw invalidField(at, "must be the name of an object: lower case letters, digits, dashes and dots");
}

function refuseBadAnnotations(at: string, annotations: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // Keys of annotations differ from those of labels in that their case does not count.
    if (!isLabelKey(key)) throw invalidField(at, "has a key that is none of an annotation: it must be [PREFIX/]NAME");
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > mostAnnotationBytes) throw invalidField(at, `must be at most ${mostAnnotationBytes} bytes together`);
}
