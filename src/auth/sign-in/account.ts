import { hash } from "node:crypto";

/** Most groups of one provider that a user can belong to. */
export const mostGroups = 200;
const longestGroup = 200;

/** Who has signed in, as the identity provider says. */
export interface Account {
  /** What the provider calls the account; it never changes, and nobody else gets it. */
  readonly subject: string;
  /** From what the login is made, at the first sign-in. */
  readonly nickname: string;
  /** Name for people; empty when the provider gives none. */
  readonly name: string;
  /** The address that the provider has verified; empty when there is none. */
  readonly email: string;
  readonly avatarUrl: string;
  /** Names of groups; undefined where groups are not looked at. */
  readonly groups: readonly string[] | undefined;
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads an account from the claims of an ID token and of the userinfo endpoint, whose word counts first. An address
 * is verified only by the one of the two that names it.
 */
export function accountOfClaims(idToken: Claims, groupsClaim: string | undefined, userinfo: Claims = {}): Account {
  const claims = { ...idToken, ...userinfo };
  const subject = typeof claims.sub === "string" ? claims.sub : "";
  return {
    subject,
    nickname: firstOf([claims.nickname, claims.preferred_username, claims.email, subject]),
    name: text(claims.name, 128),
    email: verifiedAddress(userinfo) || verifiedAddress(idToken),
    avatarUrl: pictureUrl(claims.picture),
    groups: groupsClaim === undefined ? undefined : groupNames(claims[groupsClaim]),
  };
}

function verifiedAddress({ email, email_verified, xms_edov }: Claims): string {
  // Entra ID sends addresses that nobody has verified; xms_edov says that the owner of the domain has.
  const isVerified = [email_verified, xms_edov].some((mark) => [true, "true", 1, "1"].includes(mark as never));
  return isVerified ? mailbox(text(email, 254)) : "";
}

/** Reads an account from GitHub's answers to /user and /user/emails. */
export function accountOfGithub(user: Readonly<Record<string, unknown>>, emails: readonly unknown[]): Account {
  const id = typeof user.id === "number" && Number.isSafeInteger(user.id) ? String(user.id) : "";
  const primary = emails
    .map((entry) => (typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {}))
    .find((entry) => entry.primary === true && entry.verified === true);
  return {
    subject: id,
    nickname: firstOf([user.login, id]),
    name: text(user.name, 128),
    email: mailbox(text(primary?.email, 254)),
    avatarUrl: pictureUrl(user.avatar_url),
    groups: undefined,
  };
}

/**
 * The logins that a new user may get at a provider, in order of preference: the
 * nickname, then the nickname with ever more of a digest of the subject. They
 * never contain ":", and fit the names that operators may give.
 */
export function loginsFor({ nickname, subject }: Pick<Account, "nickname" | "subject">, provider: string): string[] {
  const plain = nickname.split("@", 1)[0] ?? "";
  const name =
    plain
      .toLowerCase()
      .replaceAll(/[^a-z0-9._-]+/g, "-")
      .slice(0, 22)
      .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, "") || "user";
  const digest = hash("sha256", subject, "hex");
  return [name, `${name}-${digest.slice(0, 8)}`, `${name}-${digest.slice(0, 16)}`].map((each) => `${each}@${provider}`);
}

/** The names of a claim's groups, each once and at most 200; what is no name is left out. */
function groupNames(claim: unknown): readonly string[] {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  const names = values.filter(
    (value): value is string =>
      typeof value === "string" && value.trim() !== "" && value.length <= longestGroup && !/\p{Cc}/u.test(value),
  );
  return [...new Set(names)].slice(0, mostGroups);
}

function firstOf(values: readonly unknown[]): string {
  for (const value of values) {
    const found = text(value, 254);
    if (found !== "") return found;
  }
  return "";
}

/** One line of text, cut to a length; empty for everything else. */
function text(value: unknown, longest: number): string {
  if (typeof value !== "string") return "";
  return value
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, longest);
}

const mailbox = (address: string): string => (/^[^\s@]+@[^\s@]+$/.test(address) ? address : "");

function pictureUrl(value: unknown): string {
  const url = text(value, 1_024);
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url : "";
}
