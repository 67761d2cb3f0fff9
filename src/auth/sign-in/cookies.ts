/** The value of a cookie in a Cookie header; undefined when it is not there. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [key = "", ...value] = pair.trim().split("=");
    if (key === name) return value.join("=");
  }
  return undefined;
}

/**
 * A cookie that only this server reads, and that comes back when another site
 * leads the browser here. Over https it is never sent in the clear.
 */
export function loginCookie(name: string, value: string, { seconds, secure }: LoginCookieOptions): string {
  const attributes = [`Max-Age=${seconds}`, "Path=/", "HttpOnly", "SameSite=Lax", ...(secure ? ["Secure"] : [])];
  return [`${name}=${value}`, ...attributes].join("; ");
}

export interface LoginCookieOptions {
  /** How long the browser keeps it. */
  readonly seconds: number;
  /** Whether the public URL is https. */
  readonly secure: boolean;
}
