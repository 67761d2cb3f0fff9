import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Authority } from "./authority.js";
import type { User } from "./extension.js";
import { StatusError } from "./status-error.js";

const clientAuthentication = "1.3.6.1.5.5.7.3.2";

interface Known {
  readonly user: User;
  readonly from: number;
  readonly until: number;
}

/** Names the caller of a request, or throws a 401. */
export type Authenticate = (request: IncomingMessage) => User;

/**
 * The caller is who the client certificate of the connection names. The
 * signature is checked once per connection, the time with each request, since
 * connections may outlive certificates.
 */
export function createAuthenticate(authority: Authority, clock: () => Date): Authenticate {
  const connections = new WeakMap<object, Known | undefined>();
  return (request) => {
    const socket = request.socket as TLSSocket;
    if (!connections.has(socket)) connections.set(socket, identify(socket, authority));
    const known = connections.get(socket);
    const now = clock().getTime();
    if (!known || now < known.from || now > known.until) throw new StatusError(401, "Unauthorized", "Unauthorized");
    return known.user;
  };
}

function identify(socket: TLSSocket, authority: Authority): Known | undefined {
  const peer = socket.getPeerCertificate();
  if (!peer?.raw) return undefined;
  const certificate = new X509Certificate(peer.raw);
  const forClients = certificate.keyUsage?.includes(clientAuthentication) ?? false;
  if (!forClients || !authority.hasIssued(certificate)) return undefined;
  const groups: string | readonly string[] = peer.subject.O ?? [];
  return {
    user: { name: String(peer.subject.CN ?? ""), groups: typeof groups === "string" ? [groups] : groups },
    from: Date.parse(certificate.validFrom),
    until: Date.parse(certificate.validTo),
  };
}

/** Throws a 403 unless the user may use the cluster: "system:masters" any, "cluster:<name>" that one. */
export function authorize(user: User, cluster: string): void {
  if (user.groups.includes("system:masters")) return;
  if (cluster !== "" && user.groups.includes(`cluster:${cluster}`)) return;
  const target = cluster === "" ? "the management cluster" : `cluster "${cluster}"`;
  throw new StatusError(403, "Forbidden", `forbidden: user "${user.name}" cannot use ${target}`);
}
