import { X509Certificate } from "node:crypto";
import { Failure } from "../failure.js";
import type { Session } from "../session.js";

/** Where a cluster is, and a certificate of an administrator of it. */
export interface Access {
  readonly server: string;
  /** Base64 of PEM, as kubeconfigs have it; undefined where the cluster's certificate is trusted anyway. */
  readonly authority: string | undefined;
  readonly certificate: string;
  readonly key: string;
}

/** Asks for access to a cluster for a time; the server's own time unless one is given. */
export async function requestAccess(
  session: Session,
  cluster: { readonly uuid: string; readonly project: string },
  seconds: number | undefined,
): Promise<Access> {
  const { ClusterService } = await import("../../gen/ts/api/v1/cluster_pb.js");
  const client = await session.client(ClusterService);
  const expiration = seconds === undefined ? {} : { expiration: { seconds: BigInt(seconds), nanos: 0 } };
  const { kubeconfig } = await client.getCredentials({ ...cluster, ...expiration });
  return await accessOf(kubeconfig);
}

/** When a client certificate ends. */
export function endOf(access: Access): Date {
  return new Date(new X509Certificate(Buffer.from(access.certificate, "base64")).validTo);
}

async function accessOf(kubeconfig: string): Promise<Access> {
  const { parse } = await import("yaml");
  const given = parse(kubeconfig) as {
    clusters?: { cluster?: Record<string, string> }[];
    users?: { user?: Record<string, string> }[];
  };
  const cluster = given.clusters?.[0]?.cluster ?? {};
  const user = given.users?.[0]?.user ?? {};
  const { server } = cluster;
  const certificate = user["client-certificate-data"];
  const key = user["client-key-data"];
  if (server === undefined || certificate === undefined || key === undefined) {
    throw new Failure("general", "the server answered a kubeconfig without a server or a client certificate");
  }
  return { server, authority: cluster["certificate-authority-data"], certificate, key };
}
