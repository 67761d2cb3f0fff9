const longest = 1_024;

/**
 * The path of this origin that a sign-in ends at: what was asked for, or "/" where browsers could take that for
 * another site, or it is no path.
 */
export function returnPath(asked: string | null | undefined): string {
  if (asked === null || asked === undefined || asked.length > longest) return "/";
  // "//host" and "/\host" are hosts to browsers, which also drop tabs and line breaks before they look.
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(asked) || asked.includes("\\")) return "/";
  const base = "http://own.invalid";
  if (!URL.canParse(asked, base)) return "/";
  const { origin, pathname, search, hash } = new URL(asked, base);
  // What is left when dots are resolved ("/.//host") must be a path as well, and not that of another sign-in.
  return origin === base && !/^\/(\/|auth\/)/.test(pathname) ? `${pathname}${search}${hash}` : "/";
}
