import { DomainError } from "../errors.js";
import { refusedAddressCode } from "../kube/addresses.js";

/** An answer, or none, after which another try may fare better. */
export class Transient extends Error {
  override readonly name = "Transient";

  constructor(
    message: string,
    /** When the server wants to be asked again, in milliseconds. */
    readonly retryAfterMs: number | undefined,
    options: ErrorOptions = {},
  ) {
    super(message, options);
  }
}

/** An answer that cannot be used. `what` says why, in own words: nothing of the answer is in it. */
export function unusable(host: string, what: string): DomainError {
  return new DomainError("unavailable", `${host} ${what}: ask who runs it, or try again later`);
}

/** A host that gives no answer. */
export function silent(host: string, what: string, retryAfterMs?: number): DomainError {
  const message = `${host} ${what}: check its name, or try again later`;
  return new DomainError("unavailable", message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** An address out of scope. */
export function refused(host: string): DomainError {
  const message = `${host} is, or leads to, an address that this platform does not call`;
  return new DomainError("invalid", `${message}: name another host, or ask the operator`);
}

const tlsCode = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

/** What a broken connection means; an error that is none comes back as it is. */
export function connectionFailure(host: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const { code } = error;
  if (code === refusedAddressCode) return refused(host);
  if (code === "ENOTFOUND") return new DomainError("missing", `there is no host ${host}: check its name`);
  if (tlsCode.test(code)) return unusable(host, `cannot be spoken to over TLS (${code})`);
  return new Transient(`cannot be reached (${code})`, undefined, { cause: error });
}
