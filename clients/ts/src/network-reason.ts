/** Errors of Node.js that a network causes, in words. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ECONNABORTED: "connection aborted",
  EPIPE: "connection closed",
  ETIMEDOUT: "connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "connection timed out",
  UND_ERR_SOCKET: "connection closed",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "no answer in time",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENETDOWN: "network down",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "host name cannot be resolved now",
  EADDRNOTAVAIL: "address not available",
  EPROTO: "TLS failed; the server may not speak TLS on this port",
  ERR_SSL_WRONG_VERSION_NUMBER: "TLS failed; the server may not speak TLS on this port",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "TLS failed; the server may not speak TLS on this port",
  ERR_HTTP2_ERROR: "the server does not speak HTTP/2 there",
  ERR_HTTP2_STREAM_ERROR: "connection closed",
  ERR_HTTP2_SESSION_ERROR: "connection closed",
  ERR_HTTP2_STREAM_CANCEL: "connection closed",
  ERR_HTTP2_INVALID_SESSION: "connection closed",
  ERR_HTTP2_INVALID_STREAM: "connection closed",
  ERR_HTTP2_GOAWAY_SESSION: "connection closed",
  ERR_HTTP2_PING_CANCEL: "connection closed",
  ERR_STREAM_DESTROYED: "connection closed",
  ERR_STREAM_PREMATURE_CLOSE: "connection closed",
};

/** Errors of certificates, in words; trying again mends none of them. */
const certificates: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_REVOKED: "is revoked",
  CERT_UNTRUSTED: "is not trusted",
  CERT_REJECTED: "is rejected",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed and not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "comes from an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT: "comes from an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "comes from an authority that is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "comes from an authority that is not trusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "is for another host",
};

/** What the network did wrong, in a few words; undefined when an error is not one of the network. */
export function networkReason(error: unknown): string | undefined {
  const certificate = certificateReason(error);
  if (certificate !== undefined) return certificate;
  const chain = chainOf(error);
  for (const code of chain.map(codeOf)) {
    const reason = reasons[code];
    if (reason !== undefined) return reason;
  }
  // How fetch says it, in words that differ from browser to browser.
  return chain.some(isFetchFailure) ? "the network failed" : undefined;
}

/** What is wrong with the server's certificate; undefined when it is not that. */
export function certificateReason(error: unknown): string | undefined {
  for (const code of chainOf(error).map(codeOf)) {
    const reason = certificates[code];
    if (reason !== undefined) return `its certificate ${reason} (${code})`;
  }
  return undefined;
}

/** An error and what caused it, the outermost first. */
function chainOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let next = error; next instanceof Error && !chain.includes(next); next = next.cause) {
    chain.push(next);
    // Of several addresses that were tried the last one stands for all.
    if (next instanceof AggregateError && next.cause === undefined) chain.push(...next.errors.slice(-1));
  }
  return chain;
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function isFetchFailure(error: Error): boolean {
  const words = /fetch|network|load failed|terminated|connection|networkerror/i;
  return error instanceof TypeError && words.test(error.message);
}
