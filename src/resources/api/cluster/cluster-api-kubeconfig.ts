// The certificate library wants this polyfill to be there before it.
import "reflect-metadata";

import { randomUUID, webcrypto } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Name, PemConverter, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { parse, stringify } from "yaml";
import { DomainError } from "../../../errors.js";
import type { KubeClient } from "../../../kube/client.js";
import { isRecord } from "../../../record.js";
import { admins, bindAdmins } from "./cluster-api-binding.js";
import { type SigningRequest, signingRequests } from "./cluster-api-types.js";

/** A certificate for a client and its private key, both as PEM. */
export interface ClientPair {
  readonly certificate: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const signerName = "kubernetes.io/kube-apiserver-client";
const pollMs = 100;
const signingMs = 10_000;

/**
 * Lets the cluster itself sign a certificate for an administrator; `inside` is a client for it. Throws DomainError
 * (unavailable) when the cluster refuses, or does not sign within 10 s.
 */
export async function mintAdmin(inside: KubeClient, seconds: number, signal: AbortSignal): Promise<ClientPair> {
  await bindAdmins(inside, signal);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const name = new Name([{ O: [admins] }, { CN: ["slipway:admin"] }]);
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
  const made = await inside.create<SigningRequest>(signingRequests, requestOf(request.toString("pem"), seconds), {
    signal,
  });
  try {
    await inside.replaceSubresource(signingRequests, approved(made), "approval", { signal });
    const certificate = await signed(inside, made.metadata.name, signal);
    const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
    return { certificate, key };
  } finally {
    // The cluster would tidy it up by itself, later.
    await inside.delete(signingRequests, made.metadata).catch(() => undefined);
  }
}

function requestOf(pem: string, expirationSeconds: number): SigningRequest {
  const request = Buffer.from(pem).toString("base64");
  const usages = ["digital signature", "client auth"];
  return {
    metadata: { name: `slipway-${randomUUID()}` },
    spec: { request, signerName, expirationSeconds, usages },
  };
}

function approved(request: SigningRequest): SigningRequest {
  const message = "Slipway hands it to a user of the cluster.";
  const approval = { type: "Approved", status: "True", reason: "SlipwayCredentials", message };
  return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), approval] } };
}

/** Waits for the certificate of an approved request. */
async function signed(inside: KubeClient, name: string, signal: AbortSignal): Promise<string> {
  const end = performance.now() + signingMs;
  for (;;) {
    const { status } = await inside.get<SigningRequest>(signingRequests, { name }, { signal });
    if (status?.certificate) return Buffer.from(status.certificate, "base64").toString("utf8");
    const refusal = status?.conditions?.find(({ type }) => type === "Denied" || type === "Failed");
    if (refusal !== undefined || performance.now() + pollMs > end) {
      const reason = refusal === undefined ? "it has not signed the certificate in time" : "it refuses the request";
      throw new DomainError("unavailable", `the cluster issues no credentials: ${reason}`);
    }
    await sleep(pollMs, undefined, { signal });
  }
}

/** Puts other credentials into a kubeconfig: of what it holds, only the current cluster is kept. */
export function withClient(text: string, { certificate, key }: ClientPair): string {
  const encoded = (pem: string) => Buffer.from(pem).toString("base64");
  const user = { "client-certificate-data": encoded(certificate), "client-key-data": encoded(key) };
  return stringify(
    {
      "current-context": "admin",
      clusters: [{ name: "admin", cluster: currentCluster(text) }],
      contexts: [{ name: "admin", context: { cluster: "admin", user: "admin" } }],
      users: [{ name: "admin", user }],
    },
    { lineWidth: 0 },
  );
}

function currentCluster(text: string): unknown {
  const config = parsed(text);
  const named = (list: unknown, name: unknown): Record<string, unknown> | undefined =>
    Array.isArray(list) ? list.filter(isRecord).find((entry) => entry.name === name) : undefined;
  const context = named(config.contexts, config["current-context"])?.context;
  const found = named(config.clusters, isRecord(context) ? context.cluster : undefined)?.cluster;
  if (!isRecord(found)) throw new DomainError("unavailable", "the kubeconfig of the cluster names no server");
  return found;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = parse(text);
    if (isRecord(value)) return value;
  } catch {
    // The parser's message quotes the text, and with it the key.
  }
  throw new DomainError("unavailable", "the kubeconfig of the cluster cannot be read");
}
