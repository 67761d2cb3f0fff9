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

/** So many sign-ins of one kind may be on their way in a browser; more than that would be in tabs that nobody sees. */
const mostOnTheirWay = 5;

/**
 * What ends the cookies of the oldest sign-ins, so that one more fits: other sites can begin as many as they like, all
 * of their cookies come with every request, and a request whose headers are too long is refused. `name` is that of the
 * new one, of which the last 16 characters are its own. Browsers send the oldest cookies first.
 */
export function endOldest(header: string | undefined, name: string, secure: boolean): string[] {
  const kind = name.slice(0, -16);
  const names = (header ?? "").split(";").map((pair) => pair.trim().split("=", 1)[0] ?? "");
  const known = names.filter((each) => each.startsWith(kind) && /^[\w-]{16}$/.test(each.slice(kind.length)));
  const surplus = known.slice(0, Math.max(0, known.length + 1 - mostOnTheirWay));
  return surplus.map((each) => serverCookie(each, "", { seconds: 0, secure }));
}

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
