import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import type { CredentialServiceCreateRequest } from "../../../../gen/ts/iam/v1/credential_pb.js";
import { newSecret } from "../../../auth/secrets.js";
import type { Caller } from "../../../caller.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type PrincipalRow, principalStore } from "../principal/store.js";
import { credentialKindName } from "./messages.js";
import { reaches, refuseBeyondToken, refuseUnfit, rightsWithin } from "./rules.js";
import { readSshPublicKey } from "./ssh-key.js";
import {
  type CredentialKindName,
  type CredentialScope,
  credentialStore,
  type NewCredential,
  type UsedCredential,
} from "./store.js";

const mostCredentials = 100;

type Method = "Create" | "Update" | "Rotate";

const secretKinds = { api_key: "apiKey", client_secret: "clientSecret" } as const;

/** Makes a credential; the secret, which is kept nowhere, is empty for an SSH key. */
export async function createCredential(
  platform: Platform,
  request: CredentialServiceCreateRequest,
  caller: Caller,
): Promise<{ readonly row: UsedCredential; readonly secret: string }> {
  const { login, name, expires } = request;
  const owner = await ownerOf(platform, login, request.principal || caller.user, caller.user);
  const kind = credentialKindName(request.kind);
  if (kind === undefined) throw invalidField("kind", "must be specified");
  await refuseUncovered(platform, caller, { method: "Create", login, principal: owner.id });
  refuseUnfit(kind, owner.kind, request.publicKey);
  const id = platform.newId();
  const { secret, ...material } = materialOf(kind, id, request.publicKey);
  const now = platform.clock();
  const row = await insert(platform, {
    id,
    principal: owner.id,
    kind,
    name,
    ...material,
    rotatedAt: now,
    createdBy: caller.user,
    createdAt: now,
    expiresAt: expires === undefined ? null : soon(now, expires),
  });
  return { row, secret };
}

/** Gives an API key or client secret a new secret, and answers it. */
export async function rotateCredential(
  platform: Platform,
  { row, overlap }: { readonly row: UsedCredential; readonly overlap: Duration | undefined },
  caller: Caller,
  scope: CredentialScope,
): Promise<string> {
  if (row.kind === "ssh_public_key") {
    throw new DomainError("precondition", "an SSH key has no secret here: add the new key and delete this one");
  }
  await refuseUncovered(platform, caller, { method: "Rotate", login: scope.login, principal: row.principal });
  const { secret, digest } = newSecret(secretKinds[row.kind], row.id);
  const now = platform.clock();
  const previousUntil = overlap === undefined || durationMs(overlap) === 0 ? null : soon(now, overlap);
  if (!(await credentialStore.rotate(platform.db, scope, row.id, { digest, now, previousUntil }))) {
    throw new DomainError("missing", `credential ${row.id} does not exist`);
  }
  return secret;
}

/**
 * Refuses to hand out, or to make good again, a credential that is worth more than the calling token: as of now, for
 * it outlives the call.
 */
export async function refuseUncovered(
  platform: Platform,
  cached: Caller,
  { method, login, principal }: { readonly method: Method; readonly login: string; readonly principal: string },
): Promise<void> {
  const caller = await platform.callerNow(cached);
  if (!platform.methods.may(caller, `/iam.v1.CredentialService/${method}`, login)) {
    throw new DomainError("denied", `the calling token may not do this in tenant ${login} any more`);
  }
  const [rights, projects] = await Promise.all([
    platform.rightsOf(principal),
    credentialStore.projectsOf(platform.db, login),
  ]);
  if (rights === undefined) {
    throw new DomainError("precondition", `principal ${principal} is disabled: enable it first`);
  }
  refuseBeyondToken(caller, principal, rightsWithin(rights, login, projects));
}

/** The time when something of that length ends that begins now. */
export const soon = (now: Date, length: Duration): Date => new Date(now.getTime() + durationMs(length));

/** The error for a name that the principal's other credentials have already; undefined for another error. */
export function nameTaken(error: unknown): DomainError | undefined {
  if (constraintOf(error) !== "credentials_name") return undefined;
  return new DomainError("exists", "the principal has a credential of this name already", { cause: error });
}

async function ownerOf(platform: Platform, login: string, id: string, user: string): Promise<PrincipalRow> {
  const row = await principalStore.get(platform.db, id);
  if (row === undefined || !reaches(user, login, row)) {
    throw new DomainError("missing", `principal ${id} does not exist in tenant ${login}`);
  }
  return row;
}

function materialOf(kind: CredentialKindName, id: string, publicKey: string) {
  return kind === "ssh_public_key" ? { secret: "", ...readSshPublicKey(publicKey) } : newSecret(secretKinds[kind], id);
}

async function insert({ db }: Platform, row: NewCredential): Promise<UsedCredential> {
  return await db.transaction(async (tx) => {
    const count = await credentialStore.lockAndCount(tx, row.principal);
    if (count === undefined) throw new DomainError("missing", `principal ${row.principal} does not exist any more`);
    if (count >= mostCredentials) {
      throw new DomainError("exhausted", `a principal has at most ${mostCredentials} credentials: delete some first`);
    }
    const inserted = await credentialStore.insert(tx, row).catch((error: unknown) => {
      // Whose key it is, is nobody's business.
      if (constraintOf(error) !== "credentials_fingerprint") throw nameTaken(error) ?? error;
      throw new DomainError("exists", "this SSH key is in use already: make a new pair", { cause: error });
    });
    return { ...inserted, lastUsedAt: null };
  });
}
