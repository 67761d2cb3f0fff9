import type { ProviderInfo } from "../providers.js";

/** What each answer of the console has; a year of https where the public URL says so. */
export function safetyHeaders(issuer: string): Record<string, string> {
  const transport = issuer.startsWith("https:") ? { "strict-transport-security": "max-age=31536000" } : {};
  return {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    ...transport,
  };
}

/** What the page may load, and what it may not do: scripts and styles of this server, and those of this one answer. */
export function pageHeaders(nonce: string, providers: readonly ProviderInfo[]): Record<string, string> {
  const rules = [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    ["img-src 'self' data: blob:", ...pictureSources(providers)].join(" "),
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-security-policy": rules.join("; "),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
  };
}

/**
 * Where identity providers keep the pictures of users. Anywhere else a picture could be a way to learn who looks at
 * it, and to bring something out: such users are shown without.
 */
function pictureSources(providers: readonly ProviderInfo[]): string[] {
  const sources = providers.flatMap(({ kind, issuer }) => {
    if (kind === "github") return "https://avatars.githubusercontent.com";
    if (kind === "google") return "https://*.googleusercontent.com";
    return kind === "oidc" && URL.canParse(issuer) ? new URL(issuer).origin : [];
  });
  return [...new Set(sources)];
}
