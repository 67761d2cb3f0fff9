import type { HttpRequest } from "../../rpc/http-routes.js";
import { cookieName, cookieOf, serverCookie } from "../sign-in/cookies.js";

const nameOf = (issuer: string): string => cookieName("session", isSecure(issuer));

/** Whether browsers may be told to send a cookie over https only. */
export const isSecure = (issuer: string): boolean => issuer.startsWith("https:");

/** The value of the cookie that renews the browser's session; empty when it has none. */
export function sessionCookieOf({ headers }: Pick<HttpRequest, "headers">, issuer: string): string {
  return cookieOf(headers.cookie, nameOf(issuer)) ?? "";
}

/** The cookie of a session, which the browser keeps until that ends. */
export function sessionCookie(value: string, { issuer, seconds }: { issuer: string; seconds: number }): string {
  return serverCookie(nameOf(issuer), value, { seconds, secure: isSecure(issuer), strict: true });
}

/** What makes the browser forget its session. */
export const noSessionCookie = (issuer: string): string => sessionCookie("", { issuer, seconds: 0 });
