import { X509Certificate } from "node:crypto";
import { decodeJwt } from "jose";
import { parse } from "yaml";
import { isRecord } from "../../../../record.js";

/** Access that hardly lives is not asked for again more often. */
const shortestMs = 1_000;

/**
 * After how many milliseconds a kubeconfig is replaced: after half of the time that its client certificates and
 * tokens have left, and never later than `longestMs`. What says nothing of its life, or has none left by this
 * clock, is used until then, or until the API server refuses it.
 */
export function renewalMs(kubeconfig: string, now: Date, longestMs: number): number {
  const left = endsOf(kubeconfig)
    .map((end) => end.getTime() - now.getTime())
    .filter((ms) => ms > 0);
  return Math.max(shortestMs, Math.min(longestMs, ...left.map((ms) => ms / 2)));
}

/** When the credentials of a kubeconfig end. */
function endsOf(kubeconfig: string): Date[] {
  const config: unknown = parse(kubeconfig);
  const users = isRecord(config) && Array.isArray(config.users) ? config.users : [];
  return users
    .map((user: unknown) => (isRecord(user) && isRecord(user.user) ? user.user : {}))
    .flatMap((user) => [endOfCertificate(user["client-certificate-data"]), endOfToken(user.token)])
    .filter((end) => end !== undefined);
}

function endOfCertificate(data: unknown): Date | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return new Date(new X509Certificate(Buffer.from(data, "base64")).validTo);
  } catch {
    return undefined;
  }
}

/** Tokens of service accounts are JWTs; others say nothing of their life. */
function endOfToken(token: unknown): Date | undefined {
  if (typeof token !== "string") return undefined;
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? undefined : new Date(exp * 1000);
  } catch {
    return undefined;
  }
}
