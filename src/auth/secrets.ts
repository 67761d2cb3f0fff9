import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a secret of this server is for; the prefix lets scanners find one that leaked. */
const prefixes = {
  apiKey: "slipk",
  clientSecret: "slips",
  refreshToken: "slipr",
  browserCookie: "slipb",
  loginCode: "slipc",
  passwordReset: "slipp",
} as const;

export type SecretKind = keyof typeof prefixes;

/** A new secret, shown once, and the digest that is stored in its place. */
export interface NewSecret {
  readonly secret: string;
  readonly digest: string;
}

/** Makes a secret of 256 random bits that names its row: `slipk_<32 hex digits of the uuid>_<43 characters>`. */
export function newSecret(kind: SecretKind, uuid: string): NewSecret {
  const secret = `${prefixes[kind]}_${uuid.replaceAll("-", "")}_${randomBytes(32).toString("base64url")}`;
  return { secret, digest: digestOf(secret) };
}

/** The uuid of the row that a secret of that kind names; undefined when it is no such secret. */
export function uuidOfSecret(kind: SecretKind, secret: string): string | undefined {
  const match = /^([a-z]+)_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$/.exec(secret);
  if (match?.[1] !== prefixes[kind] || match[2] === undefined) return undefined;
  return match[2].replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** SHA-256 of a secret: enough, for it is random and long. */
export function digestOf(secret: string): string {
  return hash("sha256", secret, "base64url");
}

/** Whether two digests are the same, in a time that does not tell where they differ. */
export function sameDigest(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
