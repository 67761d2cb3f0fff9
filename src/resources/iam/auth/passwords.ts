import { hash, verify } from "@node-rs/argon2";
import type { AuthServiceSetPasswordRequest, PasswordGrant } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { digestOf, uuidOfSecret } from "../../../auth/secrets.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { type InTurn, takeTurns } from "../../../in-turn.js";
import type { PlatformSettings } from "../../../platform.js";
import { demandEnabled, unproven } from "./exchange.js";
import { passwordStore } from "./password-store.js";
import { refuseWeakPassword } from "./rules.js";
import { type OpenedSession, openSession, type RenewedBy, type SessionSources } from "./sessions.js";
import { sessionStore } from "./store.js";
import { createStrangers, locked } from "./strangers.js";

/** OWASP: argon2id (the default of the package) with 19 MiB, two passes and one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Each takes its memory and a core: so many at once in a process, and so many may wait. */
const atOnce = { running: 4, waiting: 64, full: "too many passwords are being checked: try again" };
/** What the password of an unknown user is held against, which takes as long as a real one. */
const nobodysDigest = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${"A".repeat(22)}$${"A".repeat(43)}`;

/** Signing in with a password, and setting it. */
export interface Passwords {
  /** Begins a session; throws "unauthenticated" for an unknown name and a wrong password alike. */
  exchange(grant: PasswordGrant, renewedBy: RenewedBy): Promise<OpenedSession>;
  /** Sets a password for who proves to be its user, and ends the user's sessions. */
  set(request: AuthServiceSetPasswordRequest): Promise<void>;
  /** Makes that the password of a user who proves nothing; unless it is so already, the user's sessions end. */
  assign(username: string, password: string): Promise<void>;
}

type Proof = AuthServiceSetPasswordRequest["proof"];
/** Whether what was proved still holds; what it depends on is kept until the transaction ends. */
type StillHolds = (tx: Database) => Promise<boolean>;

/** Answers the digest that a user's password fits; throws "unauthenticated", or "exhausted" after too many guesses. */
type Prove = (user: string, password: string) => Promise<string>;

/** What passwords need. */
export interface PasswordSources extends SessionSources {
  readonly settings: SessionSources["settings"] & Pick<PlatformSettings, "passwordSignIn">;
}

/** The passwords of this process; where they are off, everything throws "precondition". */
export function createPasswords(sources: PasswordSources, inTurn: InTurn = takeTurns(atOnce)): Passwords {
  const { db, settings } = sources;
  const prove = createProof(sources, inTurn);
  const demandOn = (): void => {
    if (!settings.passwordSignIn) throw new DomainError("precondition", "signing in with passwords is off here");
  };
  return {
    async exchange({ username, password }, renewedBy) {
      demandOn();
      const digest = await prove(username, password);
      await demandEnabled(sources, username);
      const stillHolds: StillHolds = (tx) => passwordStore.holds(tx, username, digest);
      const opened = await openSession(sources, username, renewedBy, stillHolds);
      if (opened === undefined) throw unproven();
      return opened;
    },

    async set({ username, proof, newPassword }) {
      demandOn();
      refuseWeakPassword(newPassword, username);
      const stillHolds = await proofOf(sources, prove, username, proof);
      await demandEnabled(sources, username);
      const digest = await inTurn(() => hash(plain(newPassword), cost));
      if (!(await replace(sources, username, digest, stillHolds))) throw unproven();
    },

    async assign(username, password) {
      const held = await passwordStore.digest(db, username);
      if (held !== undefined && (await inTurn(() => verify(held, plain(password))))) return;
      const digest = await inTurn(() => hash(plain(password), cost));
      await replace(sources, username, digest, async () => true);
    },
  };
}

/** Puts a password in place of the user's, and ends the user's sessions; false when the proof does not hold any more. */
async function replace(
  { db, clock }: PasswordSources,
  user: string,
  digest: string,
  stillHolds: StillHolds,
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    if (!(await stillHolds(tx))) return false;
    await passwordStore.set(tx, user, digest, clock());
    await sessionStore.endAll(tx, user, clock());
    return true;
  });
}

/** Holds guesses against the passwords of users, and takes as long where there is none. */
function createProof({ db, clock }: PasswordSources, inTurn: InTurn): Prove {
  const strangers = createStrangers(clock);
  return (user, password) =>
    inTurn(async () => {
      const guess = await passwordStore.guess(db, user, clock());
      if (guess.kind === "locked") throw locked(guess.until, clock());
      if (guess.kind === "none") strangers.guess(user);
      const digest = guess.kind === "open" ? guess.digest : nobodysDigest;
      const fits = await verify(digest, plain(password));
      if (!fits || guess.kind === "none") throw unproven();
      await passwordStore.forgive(db, user);
      return digest;
    });
}

/** Looks at what shall prove who sets a password. */
async function proofOf({ db, clock }: PasswordSources, prove: Prove, user: string, proof: Proof): Promise<StillHolds> {
  const { case: kind, value = "" } = proof;
  if (kind === "currentPassword") {
    const digest = await prove(user, value);
    return (tx) => passwordStore.holds(tx, user, digest, "update");
  }
  const code = uuidOfSecret("passwordReset", value) === undefined ? "" : digestOf(value);
  if (!(await passwordStore.resetHolds(db, user, code, clock()))) throw unproven();
  return (tx) => passwordStore.useReset(tx, user, code, clock());
}

/** The same characters in one encoding, however a keyboard composes them. */
const plain = (password: string): string => password.normalize("NFKC");
