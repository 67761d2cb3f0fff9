/** The codes of an error and of what caused it, as Node.js has them: ECONNREFUSED and the like. */
export function nodeCodes(error: unknown): string[] {
  const codes: string[] = [];
  let next = error;
  for (let depth = 0; depth < 10 && next instanceof Error; depth += 1) {
    if ("code" in next && typeof next.code === "string") codes.push(next.code);
    if (next instanceof AggregateError) next = next.errors.at(-1);
    else next = next.cause;
  }
  return codes;
}

/** What to do about a certificate that is not trusted; undefined when it is not that. */
export function tlsHints(codes: readonly string[]): string[] | undefined {
  for (const code of codes) {
    switch (code) {
      case "DEPTH_ZERO_SELF_SIGNED_CERT":
      case "SELF_SIGNED_CERT_IN_CHAIN":
      case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      case "UNABLE_TO_GET_ISSUER_CERT":
      case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
        return ["Get the certificate of its authority from whoever runs the server, and name it with --ca-file FILE."];
      case "CERT_HAS_EXPIRED":
        return ["Whoever runs the server must renew it; look at the clock of this machine, too."];
      case "CERT_NOT_YET_VALID":
        return ["Look at the clock of this machine."];
      case "ERR_TLS_CERT_ALTNAME_INVALID":
        return ["Use a host name that the certificate has in --url, or ask whoever runs the server."];
      case "EPROTO":
      case "ERR_SSL_WRONG_VERSION_NUMBER":
      case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
        return ["If the server speaks no TLS on that port, its URL begins with http://."];
    }
  }
  return undefined;
}

/** What to look at when a server cannot be reached. */
export function unreachableHints(codes: readonly string[]): string[] {
  if (codes.includes("ECONNREFUSED")) return ["Is the server running there? Look at host and port of the URL."];
  if (codes.some((code) => code === "ENOTFOUND" || code === "EAI_AGAIN")) {
    return ["Look at the host name in the URL, and at the network of this machine."];
  }
  if (codes.some((code) => /^E(TIMEDOUT|HOSTUNREACH|NETUNREACH|NETDOWN)$/.test(code))) {
    return ["Look at the network and firewalls between this machine and the server."];
  }
  if (codes.some((code) => code.startsWith("ERR_HTTP2"))) {
    return ["Look at the URL: a gateway before the server must pass HTTP/2."];
  }
  return ["The server may be starting, stopping or overloaded: try again in a moment."];
}
