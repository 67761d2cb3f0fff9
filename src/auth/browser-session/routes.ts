import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { metrics } from "@opentelemetry/api";
import { type PasswordGrant, PasswordGrantSchema } from "../../../gen/ts/iam/v1/auth_pb.js";
import { databaseError, withoutValues } from "../../db/errors.js";
import { DomainError, type ErrorKind } from "../../errors.js";
import type { Platform } from "../../platform.js";
import type { OpenedSession } from "../../resources/iam/auth/sessions.js";
import type { WriteAudit } from "../../rpc/audit.js";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../../rpc/http-routes.js";
import { codeNameOf } from "../../rpc/map-errors.js";
import { auditFailures } from "../../rpc/metrics.js";
import { retryAfterHeader } from "../../rpc/retry-after.js";
import { demandValid } from "../../rpc/validate.js";
import { type TracedHandler, traced } from "../sign-in/trail.js";
import { demandOwnPage } from "./own-page.js";
import { beginLogin, failurePath, finishLogin, forgetLogin, ownLogin } from "./provider-login.js";
import { endByCookie, renewByCookie } from "./renew.js";
import { returnPath } from "./return-to.js";
import { noSessionCookie, sessionCookie, sessionCookieOf } from "./session-cookie.js";

const statuses: Partial<Record<ErrorKind, number>> = {
  invalid: 400,
  precondition: 400,
  unauthenticated: 401,
  denied: 403,
  exhausted: 429,
};
const unavailable = 503;

/** What is in these URLs and answers is for one browser, and for nobody that it visits next. */
const discreet = { "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" };
const json = { ...discreet, "content-type": "application/json" };

type IsOf = Parameters<TracedHandler>[1];
type Handler = (platform: Platform, request: HttpRequest, isOf: IsOf) => Promise<HttpAnswer>;

const validator = createValidator();

/** The plain HTTP of the console's sessions: /auth/session/login, callback, password, refresh and logout. */
export function browserSessionRoutes(platform: Platform, writeAudit: WriteAudit): readonly HttpRoute[] {
  const failures = auditFailures(metrics.getMeter("slipway"));
  const isProvider = (name: string) => platform.signIn.providers.some(({ id }) => id === name);
  const unaudited = (): never => {
    throw new DomainError("unavailable", "this cannot be audited now; try again", { retryAfterMs: 1_000 });
  };
  const options = { ...platform, write: writeAudit, isProvider, onLost: () => failures.add(1), unaudited };
  const trace = (path: string, handle: Handler) =>
    traced(options, path, (request, isOf) => handle(platform, request, isOf));
  const page = (path: string, handle: Handler): HttpRoute => {
    const handleTraced = trace(path, handle);
    return { method: "GET", path, handle: (request) => answerPage(platform, request, handleTraced) };
  };
  const call = (path: string, handle: Handler): HttpRoute => {
    const handleTraced = trace(path, (_, request, isOf) => {
      demandOwnPage(request, platform.issuer());
      // Other types are what forms of other sites can send.
      demandJson(request.headers["content-type"] ?? "application/json");
      return handle(platform, request, isOf);
    });
    return { method: "POST", path, json: true, handle: (request) => handleTraced(request).catch(refusal) };
  };
  return [
    page("/auth/session/login", begin),
    page("/auth/session/callback", finish),
    call("/auth/session/password", byPassword),
    call("/auth/session/refresh", refresh),
    call("/auth/session/logout", logout),
  ];
}

async function begin(platform: Platform, request: HttpRequest): Promise<HttpAnswer> {
  const { url, cookies } = await beginLogin(platform, request);
  return { status: 303, headers: { location: url, "set-cookie": [...cookies] } };
}

async function finish(platform: Platform, request: HttpRequest, isOf: IsOf): Promise<HttpAnswer> {
  const login = ownLogin(request, platform.issuer());
  const session = await finishLogin(platform, request, login);
  isOf(session.principal);
  const cookies = [cookieFor(platform, session), ...forgetLogin(request, platform.issuer())];
  return { status: 303, headers: { location: login?.returnTo ?? "/", "set-cookie": cookies } };
}

async function byPassword(platform: Platform, request: HttpRequest, isOf: IsOf): Promise<HttpAnswer> {
  const session = await platform.passwords.exchange(await readGrant(request), "browserCookie");
  isOf(session.principal);
  const { headers, ...answer } = sessionAnswer(session);
  return { ...answer, headers: { ...headers, "set-cookie": cookieFor(platform, session) } };
}

async function refresh(platform: Platform, request: HttpRequest, isOf: IsOf): Promise<HttpAnswer> {
  const session = await renewByCookie(platform, sessionCookieOf(request, platform.issuer()));
  isOf(session.principal);
  return sessionAnswer(session);
}

async function logout(platform: Platform, request: HttpRequest, isOf: IsOf): Promise<HttpAnswer> {
  const user = await endByCookie(platform, sessionCookieOf(request, platform.issuer()));
  if (user !== undefined) isOf(user);
  return { status: 204, headers: { ...discreet, "set-cookie": noSessionCookie(platform.issuer()) } };
}

function cookieFor({ issuer, clock }: Platform, { renewal, expiresAt }: OpenedSession): string {
  const seconds = Math.floor((expiresAt.getTime() - clock().getTime()) / 1_000);
  return sessionCookie(renewal, { issuer: issuer(), seconds });
}

function sessionAnswer({ access, expiresAt }: OpenedSession): HttpAnswer {
  const body = { accessToken: access.secret, expiresAt: access.row.expiresAt, sessionExpiresAt: expiresAt };
  return { status: 200, headers: json, body: JSON.stringify(body) };
}

/** Reads a name and a password by the rules of the contract; what is wrong with them is said without their values. */
async function readGrant({ headers, body }: HttpRequest): Promise<PasswordGrant> {
  demandJson(headers["content-type"]);
  const text = (await body()).toString("utf8");
  let grant: PasswordGrant;
  try {
    grant = fromJson(PasswordGrantSchema, JSON.parse(text) as JsonValue);
  } catch {
    throw new DomainError("invalid", "the body must be a JSON object with the texts username and password");
  }
  demandValid(validator, PasswordGrantSchema, grant);
  return grant;
}

function demandJson(contentType: string | undefined): void {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new DomainError("invalid", "the content-type must be application/json");
}

/** HEAD comes from who only looks, such as link previews: it begins and ends nothing. Failures lead to the console. */
async function answerPage(
  platform: Platform,
  asked: HttpRequest,
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  if (asked.method === "HEAD") return { status: 204, headers: discreet };
  const provider = asked.query.get("provider");
  const request = { ...asked, params: provider === null ? {} : { provider } };
  const login = ownLogin(request, platform.issuer());
  try {
    const { headers, ...answer } = await handle(request);
    return { ...answer, headers: { ...headers, ...discreet } };
  } catch (error) {
    const known = databaseError(error);
    if (known === undefined) throw withoutValues(error);
    const returnTo = login?.returnTo ?? returnPath(asked.query.get("return-to"));
    const location = failurePath(codeNameOf(known), asked.query.get("error"), { "return-to": returnTo });
    const cookies = forgetLogin(request, platform.issuer());
    return { status: 303, headers: { ...discreet, location, "set-cookie": cookies } };
  }
}

function refusal(error: unknown): HttpAnswer {
  const known = databaseError(error);
  // A defect is logged by the routes, without the values of the query; so is a body that is too long answered there.
  if (known === undefined) throw withoutValues(error);
  const { kind, message, retryAfterMs } = known;
  const headers = retryAfterMs === undefined ? json : { ...json, ...retryAfterHeader(retryAfterMs) };
  const body = JSON.stringify({ code: codeNameOf(known), message });
  return { status: statuses[kind] ?? unavailable, headers, body };
}
