import { cors } from "@connectrpc/connect";
import { headerOf, type NodeRequest, type NodeResponse } from "./http-types.js";

/** Says whether it has answered the request, which then was a browser's preflight. */
export type Cors = (req: NodeRequest, res: NodeResponse) => boolean;

const ownRequestHeaders = ["Authorization", "X-Request-Id", "Traceparent"];
const ownResponseHeaders = ["X-Request-Id"];
const preflightSeconds = 7_200;
/** Sessions of browsers are there for this server's own pages: no list of origins opens them. */
const ownPages = "/auth/session/";

/**
 * Lets browsers call from the listed origins, such as
 * "https://console.example.com"; "*" lets all. Tokens travel in a header, never
 * in cookies, so credentials are not allowed for anyone.
 */
export function corsFor(origins: readonly string[]): Cors {
  const any = origins.includes("*");
  const known = new Set(origins);
  const allowHeaders = [...cors.allowedHeaders, ...ownRequestHeaders].join(", ");
  const exposeHeaders = [...cors.exposedHeaders, ...ownResponseHeaders].join(", ");
  const allowMethods = cors.allowedMethods.join(", ");
  return (req, res) => {
    if (!any) res.setHeader("vary", "Origin");
    const origin = headerOf(req, "origin");
    const preflight = req.method === "OPTIONS" && headerOf(req, "access-control-request-method") !== undefined;
    if (origin !== undefined && (any || known.has(origin)) && !req.url?.startsWith(ownPages)) {
      res.setHeader("access-control-allow-origin", any ? "*" : origin);
      if (preflight) {
        res.setHeader("access-control-allow-methods", allowMethods);
        res.setHeader("access-control-allow-headers", allowHeaders);
        res.setHeader("access-control-max-age", String(preflightSeconds));
      } else {
        res.setHeader("access-control-expose-headers", exposeHeaders);
      }
    }
    if (!preflight) return false;
    res.statusCode = 204;
    res.end();
    return true;
  };
}
