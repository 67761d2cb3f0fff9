import { metrics } from "@opentelemetry/api";
import { databaseError, withoutValues } from "../../db/errors.js";
import { DomainError, type ErrorKind } from "../../errors.js";
import type { Platform } from "../../platform.js";
import { endTokenAndSession } from "../../resources/iam/auth/logout.js";
import type { WriteAudit } from "../../rpc/audit.js";
import { bearerToken } from "../../rpc/authenticate.js";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../../rpc/http-routes.js";
import { auditFailures } from "../../rpc/metrics.js";
import { cookieOf, endOldest, serverCookie } from "./cookies.js";
import { FailedLogin } from "./login.js";
import { redirectParameter } from "./redirects.js";
import { attemptSeconds } from "./sign-in.js";
import { type TracedHandler, traced } from "./trail.js";

const statuses: Partial<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  missing: 404,
  exists: 409,
  precondition: 409,
  conflict: 409,
  exhausted: 429,
  unavailable: 502,
  timeout: 504,
};

/** What is in these URLs and answers is for one browser, and for nobody that it visits next. */
const discreet = { "cache-control": "no-store", "referrer-policy": "no-referrer" };

/** The plain HTTP of signing in and out: /auth/{provider}, its callback, and /auth/logout/{provider}. */
export function signInRoutes(platform: Platform, writeAudit: WriteAudit): readonly HttpRoute[] {
  const isProvider = (name: string) => platform.signIn.providers.some(({ id }) => id === name);
  const failures = auditFailures(metrics.getMeter("slipway"));
  const options = { ...platform, write: writeAudit, isProvider, onLost: () => failures.add(1) };
  const route = (path: string, handle: TracedHandler): HttpRoute => {
    const tracedHandle = traced(options, path, handle);
    return { method: "GET", path, handle: (request) => answerDiscreetly(request, tracedHandle) };
  };
  return [
    route("/auth/logout/{provider}", (request, isOf) => logout(platform, request, isOf)),
    route("/auth/{provider}", (request) => begin(platform, request)),
    route("/auth/{provider}/callback", (request, isOf) => finish(platform, request, isOf)),
  ];
}

type IsOf = Parameters<TracedHandler>[1];

async function begin({ signIn, issuer }: Platform, { params, rawQuery, headers }: HttpRequest): Promise<HttpAnswer> {
  const redirectUrl = redirectParameter(rawQuery);
  const order = { provider: params.provider ?? "", redirectUrl, answer: { kind: "token" } } as const;
  const { url, browser } = await signIn.begin(order);
  if (browser === undefined) return { status: 302, headers: { location: url } };
  const secure = issuer().startsWith("https:");
  const cookie = serverCookie(browser.name, browser.value, { seconds: attemptSeconds, secure });
  const cookies = [cookie, ...endOldest(headers.cookie, browser.name, secure)];
  return { status: 302, headers: { location: url, "set-cookie": cookies } };
}

async function finish(
  { signIn }: Platform,
  { params, rawQuery, headers }: HttpRequest,
  isOf: IsOf,
): Promise<HttpAnswer> {
  const cookie = (name: string) => cookieOf(headers.cookie, name);
  const { location, principal } = await signIn.finish({ provider: params.provider ?? "", rawQuery, cookie });
  isOf(principal);
  return { status: 303, headers: { location } };
}

async function logout({ db, tokens, clock }: Platform, { headers }: HttpRequest, isOf: IsOf): Promise<HttpAnswer> {
  const jwt = bearerToken(headers.authorization ?? null);
  if (jwt === undefined) throw new DomainError("unauthenticated", "a token is required");
  const { user, tokenId } = await tokens.verify(jwt);
  isOf(user);
  const isEnded = await endTokenAndSession(db, user, tokenId, clock());
  if (!isEnded) throw new DomainError("unauthenticated", "the token is not valid: it was revoked");
  return { status: 200, body: "signed out\n" };
}

/** HEAD comes from who only looks, such as link previews: it begins and ends nothing. */
async function answerDiscreetly(
  request: HttpRequest,
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  if (request.method === "HEAD") return { status: 204, headers: discreet };
  try {
    const { headers, ...answer } = await handle(request);
    return { ...answer, headers: { ...headers, ...discreet } };
  } catch (error) {
    if (error instanceof FailedLogin) return { status: 303, headers: { ...discreet, location: error.location } };
    const { status, message } = refusalOf(error);
    return { status, headers: discreet, body: `${message}\n` };
  }
}

function refusalOf(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof DomainError) return { status: statuses[error.kind] ?? 500, message: error.message };
  const known = databaseError(error);
  // A defect is logged by the routes, without the values of the query.
  if (known === undefined) throw withoutValues(error);
  return { status: known.kind === "unavailable" ? 503 : (statuses[known.kind] ?? 500), message: known.message };
}
