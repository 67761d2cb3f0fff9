import { randomBytes } from "node:crypto";
import { digestOf } from "../../../auth/secrets.js";
import type { Caller } from "../../../caller.js";
import type { Database } from "../../../db/database.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { principalStore } from "../../iam/principal/store.js";
import { demandGivable, mayGive, type RoleIn } from "../member/rules.js";
import { memberStore } from "../member/store.js";
import { type InviteRow, type InviteTarget, inviteStore } from "./store.js";

/** An invitation with its secret. */
export interface OpenInvite {
  readonly row: InviteRow;
  /** 32 characters; empty for a caller who could not have made the invitation. */
  readonly secret: string;
}

/** Into one tenant or project. */
const mostOpen = 1_000;
const lifetimeMs = 7 * 86_400_000;
/** 24 bytes are 32 characters of base64url. */
const secretBytes = 24;

/**
 * Makes an invitation into what the role is in; "denied" for a role beyond what the calling token grants there, and
 * "exhausted" when as many lead there as may be open at once.
 */
export async function newInvite(platform: Platform, caller: Caller, given: RoleIn): Promise<OpenInvite> {
  demandGivable(await platform.callerNow(caller), given);
  const secret = randomBytes(secretBytes).toString("base64url");
  const now = platform.clock();
  const row: InviteRow = {
    ...given,
    digest: digestOf(secret),
    sealed: await platform.keyring.seal(secret),
    createdBy: caller.user,
    createdAt: now,
    expiresAt: new Date(now.getTime() + lifetimeMs),
    joinedAt: null,
    joinedBy: null,
  };
  const target: InviteTarget = given;
  await platform.db.transaction(async (tx) => {
    if (given.project === null) await memberStore.lockTenant(tx, given.tenant);
    else await memberStore.lockProject(tx, given.project);
    await inviteStore.removeExpired(tx, target, now);
    if ((await inviteStore.countInto(tx, target, now)) >= mostOpen) {
      throw new DomainError("exhausted", `at most ${mostOpen} invitations can be open here: withdraw some first`);
    }
    await inviteStore.insert(tx, row);
  });
  return { row, secret };
}

/** The invitations that can still be used; a secret is shown only to a token that could have made the invitation. */
export async function openInvites(platform: Platform, caller: Caller, target: InviteTarget): Promise<OpenInvite[]> {
  const rows = await inviteStore.pendingInto(platform.db, target, platform.clock());
  return await Promise.all(
    rows.map(async (row) => ({
      row,
      secret: mayGive(caller.granted, givenBy(row)) ? await platform.keyring.open(row.sealed) : "",
    })),
  );
}

/** The invitation into a tenant, or into a project, that a secret opens; throws "missing" when it is no longer good. */
export async function inviteOf(platform: Platform, kind: "tenant" | "project", secret: string): Promise<OpenInvite> {
  const row = await inviteStore.pending(platform.db, digestOf(secret), platform.clock());
  if (row === undefined || row[kind] === null) throw noInvite();
  // An invitation is worth no more than its maker could give today: who was put out leaves no way back in.
  const rights = await platform.rightsOf(row.createdBy);
  if (rights === undefined || !mayGive(rights, givenBy(row))) throw noInvite();
  return { row, secret };
}

/** Uses an invitation up in the transaction in which `join` makes the caller a member; of two who try, one wins. */
export async function acceptInvite(
  platform: Platform,
  caller: Caller,
  { row }: OpenInvite,
  join: (tx: Database, now: Date) => Promise<void>,
): Promise<void> {
  const { db, clock } = platform;
  if (row.createdBy === caller.user) throw invalidField("secret", "this invitation is your own: pass it on");
  if ((await principalStore.get(db, caller.user))?.kind !== "user") {
    throw new DomainError("precondition", "invitations are for users: bots are given roles by those who own them");
  }
  const now = clock();
  await db.transaction(async (tx) => {
    await join(tx, now);
    if (!(await inviteStore.use(tx, row.digest, caller.user, now))) throw noInvite();
  });
}

/** Withdraws an invitation; throws "missing" when it leads elsewhere or is no longer good. */
export async function withdrawInvite(platform: Platform, target: InviteTarget, secret: string): Promise<void> {
  if (await inviteStore.withdraw(platform.db, target, digestOf(secret), platform.clock())) return;
  throw noInvite();
}

/** The role that an invitation gives; the database holds a project or a tenant in each, and never a guest of a project. */
function givenBy({ tenant, project, role }: InviteRow): RoleIn {
  if (project !== null && role !== "guest") return { tenant: null, project, role };
  if (tenant !== null) return { tenant, project: null, role };
  throw new Error("an invitation leads nowhere");
}

const noInvite = (): DomainError =>
  new DomainError("missing", "there is no such invitation: it was used or withdrawn, or has expired");
