import { DomainError } from "../../errors.js";
import type { HttpRequest } from "../../rpc/http-routes.js";

/** The header that only this server's own pages can send: a form has none, and other origins would have to ask. */
export const consoleHeader = "x-slipway-console";

/**
 * Refuses a request that a page of this server has not made: the browser's cookies come with those of others, too.
 * The own origin is that of the public URL, or (for who calls by another name) what the request itself was sent to,
 * with the scheme of the public URL. Hosts that proxies say in other headers are not believed.
 */
export function demandOwnPage({ headers }: Pick<HttpRequest, "headers">, issuer: string): void {
  if (headers[consoleHeader] !== "1") throw foreign(`the header ${consoleHeader} is missing`);
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") throw foreign("it comes from another site");
  const { origin: own, protocol } = new URL(issuer);
  const asked = headers.host ?? headers[":authority"];
  const isOwn = headers.origin === own || (asked !== undefined && headers.origin === `${protocol}//${asked}`);
  if (!isOwn) throw foreign("its origin is not this server's");
}

function foreign(reason: string): DomainError {
  return new DomainError("denied", `only the console of this server may ask this: ${reason}`);
}
