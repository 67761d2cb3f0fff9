import { OAuthProvider } from "../../../gen/ts/api/v1/common_pb.js";
import type { Database } from "../../db/database.js";
import { constraintOf } from "../../db/errors.js";
import { DomainError } from "../../errors.js";
import type { ProviderInfo, ProviderKind } from "../../providers.js";
import { ensurePersonalTenant } from "../../resources/api/tenant/personal.js";
import { tenantStore } from "../../resources/api/tenant/store.js";
import { goodInvitations, type InvitationSources } from "../../resources/iam/access/good-invitations.js";
import { acceptPendingBindings } from "../../resources/iam/access/pending.js";
import { identityStore } from "../../resources/iam/auth/identity-store.js";
import type { PrincipalRow } from "../../resources/iam/principal/store.js";
import { type Account, loginsFor } from "./account.js";

/** When somebody signs in, and whether new tenants may consume chargeable resources at once. */
export interface AcceptOptions extends InvitationSources {
  readonly now: Date;
  readonly newId: () => string;
  readonly admitted: boolean;
}

const oauthProviders: Readonly<Record<ProviderKind, OAuthProvider>> = {
  github: OAuthProvider.GITHUB,
  azure: OAuthProvider.AZURE,
  google: OAuthProvider.GOOGLE,
  oidc: OAuthProvider.UNSPECIFIED,
};
/** Somebody else may take the login, or the account sign in twice, at the same moment. */
const mostTries = 3;

/**
 * Finds the user that an account of a provider is, and takes over what the
 * provider says of it; answers the user's login. The first time it makes the
 * user, with the personal tenant and its default project. Nobody becomes a user
 * who exists already by the same name or address. Throws "unauthenticated" for a
 * disabled user.
 */
export async function acceptAccount(
  db: Database,
  provider: ProviderInfo,
  account: Account,
  options: AcceptOptions,
): Promise<string> {
  const { subject } = account;
  if (subject === "" || subject.length > 255 || /\p{Cc}/u.test(subject)) {
    throw new DomainError("unauthenticated", `${provider.name} does not say which account signed in`);
  }
  const good = await goodInvitations(db, options, account.email);
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction((tx) => accept(tx, provider, account, { ...options, good }));
    } catch (error) {
      if (tries === mostTries || !isRace(error)) throw error;
    }
  }
}

const isRace = (error: unknown): boolean =>
  constraintOf(error) === "identities_provider_subject_pk" || (error instanceof DomainError && error.kind === "exists");

interface InTransaction extends AcceptOptions {
  /** The invitations that are good. */
  readonly good: readonly string[];
}

async function accept(tx: Database, provider: ProviderInfo, account: Account, options: InTransaction): Promise<string> {
  const { now, newId, good } = options;
  const { email } = account;
  const known = await identityStore.find(tx, provider.id, account.subject);
  if (known?.enabled === false) throw new DomainError("unauthenticated", "this account is disabled");
  const { id } = known ?? (await createUser(tx, provider, account, options));
  if (known !== undefined) await identityStore.change(tx, id, changesOf(known, account, now));
  // Groups that are not looked at any more are nobody's.
  await replaceGroups(tx, id, provider.id, account.groups ?? [], now);
  await acceptPendingBindings(tx, { principal: id, email, good, now, newId });
  return id;
}

/**
 * What the provider says now; a name or picture that it does not say stays. An address is the user's only as long as
 * the provider verifies it: else the next who gets it would share it with who had it before.
 */
function changesOf(known: PrincipalRow, account: Account, now: Date): Partial<PrincipalRow> {
  const said = {
    name: account.name || known.name,
    email: account.email,
    avatarUrl: account.avatarUrl || known.avatarUrl,
  };
  const isNew = said.name !== known.name || said.email !== known.email || said.avatarUrl !== known.avatarUrl;
  return { ...(isNew ? { ...said, updatedAt: now } : {}), signedInAt: now };
}

async function createUser(
  tx: Database,
  provider: ProviderInfo,
  account: Account,
  { now, newId, admitted }: AcceptOptions,
): Promise<PrincipalRow> {
  const { email, avatarUrl } = account;
  const oauthProvider = oauthProviders[provider.kind];
  for (const login of loginsFor(account, provider.id)) {
    if ((await tenantStore.get(tx, login)) !== undefined) continue;
    const profile = { name: account.name || login, email, avatarUrl, oauthProvider };
    const stamps = { createdAt: now, updatedAt: now, signedInAt: now };
    const user = await identityStore.insertPrincipal(tx, { id: login, kind: "user", ...profile, ...stamps });
    if (user === undefined) continue;
    await identityStore.insert(tx, {
      provider: provider.id,
      subject: account.subject,
      principal: login,
      createdAt: now,
    });
    await ensurePersonalTenant(tx, login, { now, newId, admitted, profile });
    return user;
  }
  throw new DomainError("exists", "every login that this account could get is taken: ask an operator");
}

/** Makes the user a member of the provider's groups that it names now, and of no others of that provider. */
async function replaceGroups(
  tx: Database,
  user: string,
  provider: string,
  names: readonly string[],
  now: Date,
): Promise<void> {
  const wanted = new Map(names.map((name) => [`group:${name}@${provider}`, name]));
  const held = new Set(await identityStore.groups(tx, user, provider));
  const added = new Map([...wanted].filter(([id]) => !held.has(id)));
  const gone = [...held].filter((id) => !wanted.has(id));
  await identityStore.leave(tx, user, gone);
  await identityStore.join(tx, user, added, now);
}
