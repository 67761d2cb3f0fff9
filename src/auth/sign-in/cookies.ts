/** The value of a cookie in a Cookie header; undefined when it is not there. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [key = "", ...value] = pair.trim().split("=");
    if (key === name) return value.join("=");
  }
  return undefined;
}

/** The name of a cookie of this server; over https no other host of the domain can plant one. */
export const cookieName = (name: string, secure: boolean): string => `${secure ? "__Host-" : ""}slipway_${name}`;

/**
 * A cookie that only this server reads, and that comes back when another site
 * leads the browser here, unless it is strict. Over https it is never sent in the clear.
 */
export function serverCookie(name: string, value: string, { seconds, secure, strict }: ServerCookieOptions): string {
  const sameSite = `SameSite=${strict ? "Strict" : "Lax"}`;
  const attributes = [`Max-Age=${seconds}`, "Path=/", "HttpOnly", sameSite, ...(secure ? ["Secure"] : [])];
  return [`${name}=${value}`, ...attributes].join("; ");
}

export interface ServerCookieOptions {
  /** How long the browser keeps it; 0 ends it. */
  readonly seconds: number;
  /** Whether the public URL is https. */
  readonly secure: boolean;
  /** Whether it comes only with requests of the server's own pages. */
  readonly strict?: boolean;
}
