/** How a registry wants its callers to show who they are. */
export type Challenge =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: string; readonly service: string; readonly scope: string };

/** Reads the header WWW-Authenticate, of several ways the one with tokens; undefined when it has none that is known. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > 4_096) return undefined;
  const bearer = /(?:^|,\s*)bearer\s+/i.exec(header);
  if (bearer !== null) {
    const found = new Map<string, string>();
    const rest = header.slice(bearer.index + bearer[0].length);
    for (const [, name = "", quoted, plain] of rest.matchAll(/([a-z_]+)=(?:"([^"]*)"|([^\s,"]+))/gi)) {
      if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), quoted ?? plain ?? "");
    }
    const realm = found.get("realm");
    if (realm === undefined) return undefined;
    return { scheme: "bearer", realm, service: found.get("service") ?? "", scope: found.get("scope") ?? "" };
  }
  return /(?:^|,\s*)basic(?:\s|$|,)/i.test(header) ? { scheme: "basic" } : undefined;
}
