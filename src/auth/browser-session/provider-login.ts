import { randomBytes } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { DomainError } from "../../errors.js";
import type { Platform } from "../../platform.js";
import { exchangeCode } from "../../resources/iam/auth/exchange.js";
import type { OpenedSession } from "../../resources/iam/auth/sessions.js";
import type { HttpRequest } from "../../rpc/http-routes.js";
import { digestOf } from "../secrets.js";
import { cookieName, cookieOf, endOldest, serverCookie } from "../sign-in/cookies.js";
import { consoleCallback } from "../sign-in/redirects.js";
import { attemptSeconds } from "../sign-in/sign-in.js";
import { returnPath } from "./return-to.js";
import { isSecure } from "./session-cookie.js";

/** What a sign-in of the console began with, in a cookie of the browser that began it. */
export interface OwnLogin {
  /** PKCE: only with it the code that comes back is worth something. */
  readonly verifier: string;
  readonly returnTo: string;
}

/** Names of codes, as `/sign-in?error=` may have them: whatever else a URL brings is not passed on. */
const codeNames = new Set(
  Object.values(Code).flatMap((code) => (typeof code === "number" ? [codeToString(code)] : [])),
);

/** Begins a sign-in of the console; answers the URL of the provider, and the cookies that tie it to this browser. */
export async function beginLogin(
  { signIn, issuer }: Platform,
  { query, params, headers }: HttpRequest,
): Promise<{ readonly url: string; readonly cookies: readonly string[] }> {
  const returnTo = returnPath(query.get("return-to"));
  const state = random();
  const verifier = random();
  const answer = { kind: "console", state, codeChallenge: digestOf(verifier) } as const;
  const redirectUrl = consoleCallback(issuer());
  const { url } = await signIn.begin({ provider: params.provider ?? "", redirectUrl, answer });
  const name = nameOf(issuer(), state);
  const value = `${verifier}.${Buffer.from(returnTo).toString("base64url")}`;
  const secure = isSecure(issuer());
  const cookie = serverCookie(name, value, { seconds: attemptSeconds, secure });
  return { url, cookies: [cookie, ...endOldest(headers.cookie, name, secure)] };
}

/** The sign-in that this browser has begun and that comes back now; undefined when there is none. */
export function ownLogin({ query, headers }: HttpRequest, issuer: string): OwnLogin | undefined {
  const state = query.get("state");
  if (state === null) return undefined;
  const [, verifier, path] =
    /^([\w-]{43})\.([\w-]+)$/.exec(cookieOf(headers.cookie, nameOf(issuer, state)) ?? "") ?? [];
  if (verifier === undefined || path === undefined) return undefined;
  return { verifier, returnTo: returnPath(Buffer.from(path, "base64url").toString("utf8")) };
}

/** Opens the session of a sign-in that has come back; throws what went wrong. */
export async function finishLogin(
  platform: Platform,
  { query }: HttpRequest,
  login: OwnLogin | undefined,
): Promise<OpenedSession> {
  if (query.has("error")) throw new DomainError("unauthenticated", "the sign-in failed at its identity provider");
  if (login === undefined) {
    throw new DomainError("denied", "this sign-in was begun in another browser, or cookies are off: begin again");
  }
  const proof = { code: query.get("code") ?? "", codeVerifier: login.verifier };
  return await exchangeCode(platform, proof, "browserCookie");
}

/** What ends the cookie of a sign-in that has come back. */
export function forgetLogin({ query }: HttpRequest, issuer: string): string[] {
  const state = query.get("state");
  if (state === null) return [];
  return [serverCookie(nameOf(issuer, state), "", { seconds: 0, secure: isSecure(issuer) })];
}

/** Where the console says that a sign-in has failed, and how it can be tried again. */
export function failurePath(code: string, told: string | null, again: Readonly<Record<string, string>>): string {
  const error = told !== null && codeNames.has(told) ? told : code;
  return `/sign-in?${new URLSearchParams({ error, ...again })}`;
}

/** Each sign-in has a cookie of its own, so that two tabs do not disturb each other. */
const nameOf = (issuer: string, state: string): string =>
  cookieName(`console_${digestOf(state).slice(0, 16)}`, isSecure(issuer));

const random = (): string => randomBytes(32).toString("base64url");
