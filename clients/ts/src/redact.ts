// JWTs, and what this server's API keys, client secrets, refresh tokens and codes look like.
const secrets = /\beyJ[\w-]*\.[\w-]+(\.[\w-]*)?|\bslip[a-z]_[0-9a-f]{32}_[\w-]+/g;
const bearer = /\b(bearer)\s+[^\s"',;]+/gi;
const credentials = /(\/\/)[^\s/@]+@/g;

/** A text without the secrets that it holds, so that it can be shown and logged. */
export function redact(text: string): string {
  return text.replace(secrets, "[redacted]").replace(bearer, "$1 [redacted]").replace(credentials, "$1[redacted]@");
}
