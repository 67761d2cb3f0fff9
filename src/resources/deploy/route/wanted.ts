import type { RouteTLS } from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { DeploymentRow } from "../deployment/store.js";
import { refuseForbidden } from "../environment/constraints.js";
import { environmentStore } from "../environment/store.js";
import { secretStore } from "../secret/store.js";
import type { DeploySettings } from "../settings/table.js";
import { type TargetRow, targetStore } from "../target/store.js";
import type { RouterSettings } from "../target/table.js";
import type { RouteTls } from "./table.js";
import { encryptionOf, holdsFor } from "./tls.js";

const longestHostname = 253;
const issuerPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** The target of a deployment, whose routers stay until the transaction ends. */
export async function holdTarget(tx: Database, { project, target }: DeploymentRow): Promise<TargetRow> {
  const held = await targetStore.hold(tx, { project, id: target });
  if (held === undefined) throw new Error(`target ${target} of a deployment is gone`);
  return held;
}

/** Refuses a router that a constraint of the deployment's environment forbids. */
export async function refuseForbiddenRouter(
  tx: Database,
  { project, environment: id }: DeploymentRow,
  { name }: RouterSettings,
): Promise<void> {
  const environment = await environmentStore.get(tx, { project, id });
  if (environment === undefined) throw new Error(`environment ${id} of a deployment is gone`);
  refuseForbidden(environment, "router", name);
}

/** The hostname of a request, or a name of the deployment below the domain of the router or of the tenant. */
export function hostnameOf(
  hostname: string | undefined,
  { name }: DeploymentRow,
  router: RouterSettings,
  { dns }: Pick<DeploySettings, "dns">,
): string {
  if (hostname !== undefined) return hostname;
  const domain = router.domain || dns.zone;
  if (domain === "") {
    throw invalidField(
      "hostname",
      `must be given: neither router ${router.name} nor the tenant's settings have a domain`,
    );
  }
  const made = `${name}.${domain}`;
  if (made.length > longestHostname) throw invalidField("hostname", `must be given: ${made} is too long`);
  return made;
}

/** How a request wants a route encrypted; as the router has it unless it says. */
export function tlsOf(tls: RouteTLS | undefined): RouteTls {
  const { case: type, value } = tls?.certificate ?? { case: undefined };
  switch (type) {
    case "none":
      return { type: "none" };
    case "secret":
      return { type: "secret", secret: value.toLowerCase() };
    case "clusterIssuer":
      if (!issuerPattern.test(value)) {
        throw invalidField(
          "tls.cluster_issuer",
          "must be the name of an object: lower case letters, digits, dashes and dots",
        );
      }
      return { type: "issuer", clusterIssuer: value };
    default:
      return { type: "router" };
  }
}

/** What a route is encrypted for. */
export interface TlsGround {
  readonly deployment: DeploymentRow;
  readonly target: TargetRow;
  readonly router: RouterSettings;
  readonly hostname: string;
  readonly settings: Pick<DeploySettings, "tls">;
}

/**
 * Refuses how a route is encrypted: "precondition" where the tenant requires TLS and there is none, and where the target
 * has no cert-manager; "missing" for a secret that the deployment may not use; "invalid" for one that is no TLS secret,
 * or whose certificate does not hold for the hostname. The secret stays until the transaction ends.
 */
export async function refuseBadTls(tx: Database, tls: RouteTls, ground: TlsGround): Promise<void> {
  const { deployment, target, router, hostname, settings } = ground;
  const encryption = encryptionOf(tls, hostname, router, settings.tls.clusterIssuer);
  if (encryption.type === "none" && settings.tls.required) {
    const hint = tls.type === "none" ? "none is refused" : `router ${router.name} has no certificate for ${hostname}`;
    throw new DomainError("precondition", `the tenant's settings require TLS: ${hint}`);
  }
  if (encryption.type === "issuer" && target.capabilities["cert-manager.io"] === undefined) {
    throw new DomainError("precondition", `target ${target.name} has no cert-manager, as far as was seen of it`);
  }
  if (encryption.type !== "copy") return;
  const { project, environment } = deployment;
  const [secret] = await secretStore.hold(tx, { project, environment }, [encryption.secret]);
  if (secret === undefined) throw new DomainError("missing", `secret ${encryption.secret} does not exist`);
  if (secret.certificate === null) throw invalidField("tls.secret", `must be a TLS secret: ${secret.name} is none`);
  if (!holdsFor(secret.certificate.dnsNames, hostname)) {
    const names = secret.certificate.dnsNames.slice(0, 5).join(", ");
    throw invalidField(
      "tls.secret",
      `the certificate of ${secret.name} does not hold for ${hostname}, but for ${names}`,
    );
  }
}
