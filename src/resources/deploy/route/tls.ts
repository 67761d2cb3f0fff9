import type { RouterSettings } from "../target/table.js";
import type { RouteTls } from "./table.js";

/** What a route is encrypted with in the end. */
export type Encryption =
  | { readonly type: "none" }
  /** A Secret that is in the namespace already. */
  | { readonly type: "named"; readonly name: string }
  /** A secret of ours, by uuid: it is copied. */
  | { readonly type: "copy"; readonly secret: string }
  /** A cert-manager ClusterIssuer. */
  | { readonly type: "issuer"; readonly clusterIssuer: string };

/**
 * What a route is encrypted with. A router gives the certificate of its domain to the hostnames for which that holds,
 * and has its issuer make one for the others; `standardIssuer` is that of the tenant's settings, empty for none.
 */
export function encryptionOf(
  tls: RouteTls,
  hostname: string,
  router: RouterSettings,
  standardIssuer: string,
): Encryption {
  if (tls.type === "none") return { type: "none" };
  if (tls.type === "secret") return { type: "copy", secret: tls.secret };
  if (tls.type === "issuer") return { type: "issuer", clusterIssuer: tls.clusterIssuer };
  const { tlsSecret, domain } = router;
  if (tlsSecret !== "" && holdsFor([domain, `*.${domain}`], hostname)) return { type: "named", name: tlsSecret };
  const clusterIssuer = router.clusterIssuer || standardIssuer;
  return clusterIssuer === "" ? { type: "none" } : { type: "issuer", clusterIssuer };
}

/** Whether a certificate for these names holds for a hostname: `*.` stands for one label. */
export function holdsFor(dnsNames: readonly string[], hostname: string): boolean {
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  return dnsNames.some((each) => {
    const name = each.toLowerCase();
    return name === hostname || (name === `*.${parent}` && !hostname.startsWith("*."));
  });
}
