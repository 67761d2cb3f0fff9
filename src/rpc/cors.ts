import { cors } from "@connectrpc/connect";
import { headerOf, type NodeRequest, type NodeResponse } from "./http-types.js";

type Headers = Readonly<Record<string, string>>;

/** What browsers are told of who may call. */
export interface Cors {
  /** The headers of an answer to a request with that Origin and path. */
  headersFor(origin: string | undefined, path: string | undefined): Headers;
  /** Sets these headers, and says whether it has answered the request, which then was a browser's preflight. */
  answers(req: NodeRequest, res: NodeResponse): boolean;
}

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
  const expose = { "access-control-expose-headers": [...cors.exposedHeaders, ...ownResponseHeaders].join(", ") };
  const preflight = {
    "access-control-allow-methods": cors.allowedMethods.join(", "),
    "access-control-allow-headers": [...cors.allowedHeaders, ...ownRequestHeaders].join(", "),
    "access-control-max-age": String(preflightSeconds),
  };
  const base: Headers = any ? {} : { vary: "Origin" };
  // Made once for each origin: most answers of a server say the same.
  const allows = new Map(origins.map((origin) => [origin, { ...base, "access-control-allow-origin": origin }]));
  const exposes = new Map([...allows].map(([origin, allow]) => [origin, { ...allow, ...expose }]));
  const allowedAs = (origin: string | undefined, path: string | undefined): string =>
    origin === undefined || path?.startsWith(ownPages) ? "" : any ? "*" : origin;
  const headersFor = (origin: string | undefined, path: string | undefined): Headers =>
    exposes.get(allowedAs(origin, path)) ?? base;
  return {
    headersFor,
    answers(req, res) {
      const origin = headerOf(req, "origin");
      const isPreflight = req.method === "OPTIONS" && headerOf(req, "access-control-request-method") !== undefined;
      const allow = allows.get(allowedAs(origin, req.url));
      const headers = isPreflight && allow !== undefined ? { ...allow, ...preflight } : headersFor(origin, req.url);
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      if (!isPreflight) return false;
      res.statusCode = 204;
      res.end();
      return true;
    },
  };
}
