import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { Database } from "../../db/database.js";
import { databaseError } from "../../db/errors.js";
import { DomainError } from "../../errors.js";
import type { PlatformSettings } from "../../platform.js";
import type { ProviderSettings } from "../../providers.js";
import type { InvitationSources } from "../../resources/iam/access/good-invitations.js";
import { openBrowserSession, openCodeSession } from "../../resources/iam/auth/sessions.js";
import { type LoginAttemptRow, loginAttemptStore } from "../../resources/iam/auth/store.js";
import { codeNameOf } from "../../rpc/map-errors.js";
import type { Keyring } from "../keyring.js";
import { digestOf, sameDigest } from "../secrets.js";
import type { Tokens } from "../tokens.js";
import { acceptAccount } from "./accept.js";
import { cookieName } from "./cookies.js";
import type { LoginSecrets } from "./identity-provider.js";
import {
  type BegunLogin,
  FailedLogin,
  type FinishedLogin,
  type LoginAnswer,
  type LoginOrder,
  type SignIn,
} from "./login.js";
import { openProvider } from "./provider.js";
import { checkRedirect, consoleCallback, type RedirectTargets, redirectTargets, withParameters } from "./redirects.js";

/** What the states of the console's sign-ins begin with: one that comes too late is led back to the console as well. */
const consoleMark = "console-";

/** A sign-in at an identity provider must be done within so long. */
export const attemptSeconds = 600;

/** What signing in needs. */
export interface SignInOptions extends InvitationSources {
  readonly db: Database;
  readonly keyring: Keyring;
  readonly tokens: Tokens;
  readonly log: Logger;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly issuer: () => string;
  readonly providers: readonly ProviderSettings[];
  readonly settings: PlatformSettings;
}

/** What is sealed in the row of an attempt; `browser` is the digest of the cookie's value. */
type Sealed = LoginSecrets & { readonly browser: string | undefined };

/** What is opened once for all sign-ins. */
interface Opened {
  readonly options: SignInOptions;
  readonly targets: RedirectTargets;
  readonly providers: ReadonlyMap<string, ReturnType<typeof openProvider>>;
}

/** Opens the configured providers; nothing is asked of them before the first sign-in. Throws when a redirect URL is malformed. */
export function createSignIn(options: SignInOptions): SignIn {
  const targets = redirectTargets(options.settings.redirectUrls);
  const providers = new Map(
    options.providers.map((each) => [each.id, openProvider(each, options.log, options.clock)] as const),
  );
  const opened = { options, targets, providers };
  return {
    providers: [...providers.values()].map(({ info }) => info),
    begin: (order) => begin(opened, order),
    finish: (answer) => finish(opened, answer),
  };
}

async function begin(opened: Opened, { provider: id, redirectUrl, answer }: LoginOrder): Promise<BegunLogin> {
  const { db, keyring, clock } = opened.options;
  const provider = providerOf(opened, id);
  const target = answer.kind === "console" ? ownCallback(opened) : checkRedirect(redirectUrl, opened.targets);
  const mark = answer.kind === "console" ? consoleMark : "";
  const secrets = { state: `${mark}${random()}`, nonce: random(), verifier: random() };
  const url = await provider.begin(secrets, callbackOf(opened, id));
  const digest = digestOf(secrets.state);
  const browser = answer.kind === "token" ? { name: nameOfCookie(opened, digest), value: random() } : undefined;
  const sealed: Sealed = { ...secrets, browser: browser && digestOf(browser.value) };
  const expiresAt = new Date(clock().getTime() + attemptSeconds * 1_000);
  await loginAttemptStore.insert(db, {
    digest,
    provider: id,
    sealed: await keyring.seal(JSON.stringify(sealed)),
    redirectUrl: target,
    answer: answer.kind === "token" ? "token" : "code",
    expiresAt,
    ...(answer.kind === "token" ? {} : { clientState: answer.state, codeChallenge: answer.codeChallenge }),
  });
  return { url, expiresAt, browser };
}

async function finish(opened: Opened, answer: LoginAnswer): Promise<FinishedLogin> {
  const { db, clock } = opened.options;
  const { provider: id, rawQuery } = answer;
  providerOf(opened, id);
  const [state, ...more] = new URLSearchParams(rawQuery).getAll("state");
  if (state === undefined || more.length > 0) throw new DomainError("invalid", "the parameter state is missing");
  const digest = digestOf(state);
  const attempt = await loginAttemptStore.take(db, digest, id, clock());
  if (attempt === undefined) {
    const isOver = new DomainError("unauthenticated", "this sign-in is over: begin again");
    throw state.startsWith(consoleMark) ? failedAt(ownCallback(opened), "", isOver) : isOver;
  }
  if (!isConsole(opened, attempt)) return await accept(opened, attempt, answer);
  try {
    return await accept(opened, attempt, answer);
  } catch (error) {
    const known = databaseError(error);
    throw known === undefined ? error : failedAt(attempt.redirectUrl, attempt.clientState, known);
  }
}

/** Looks at what the provider says of who signed in, and takes it over. */
async function accept(
  opened: Opened,
  attempt: LoginAttemptRow,
  { provider: id, rawQuery, cookie }: LoginAnswer,
): Promise<FinishedLogin> {
  const { db, keyring, clock, newId, settings, methods, rightsOf } = opened.options;
  const provider = providerOf(opened, id);
  const secrets = JSON.parse(await keyring.open(attempt.sealed)) as Sealed;
  demandSameBrowser(secrets, cookie(nameOfCookie(opened, attempt.digest)));
  const account = await provider.finish(secrets, new URL(`${callbackOf(opened, id)}?${rawQuery}`));
  // The settings may have changed meanwhile.
  if (!isConsole(opened, attempt)) checkRedirect(attempt.redirectUrl, opened.targets);
  const admitted = settings.admitTenants === "automatic";
  const options = { now: clock(), newId, admitted, methods, rightsOf };
  const principal = await acceptAccount(db, provider.info, account, options);
  return { location: await leaveBy(opened.options, attempt, principal), principal };
}

function providerOf({ providers }: Opened, id: string): ReturnType<typeof openProvider> {
  const provider = providers.get(id);
  if (provider !== undefined) return provider;
  throw new DomainError("missing", "there is no such identity provider");
}

const callbackOf = ({ options }: Opened, id: string): string => `${options.issuer()}/auth/${id}/callback`;

/** A sign-in that somebody else began, and planted here, would sign the browser in as somebody else. */
function demandSameBrowser({ browser }: Sealed, value: string | undefined): void {
  if (browser === undefined || sameDigest(browser, digestOf(value ?? ""))) return;
  throw new DomainError("denied", "this sign-in was begun in another browser, or cookies are off: begin again");
}

async function leaveBy(options: SignInOptions, attempt: LoginAttemptRow, principal: string): Promise<string> {
  const { redirectUrl, clientState, codeChallenge } = attempt;
  if (codeChallenge === null) {
    return withParameters(redirectUrl, { token: await openBrowserSession(options, principal, attempt.provider) });
  }
  const code = await openCodeSession(options, principal, codeChallenge);
  return withParameters(redirectUrl, { code, ...(clientState === "" ? {} : { state: clientState }) });
}

/** Each sign-in has a cookie of its own, so that two at once do not disturb each other. */
const nameOfCookie = ({ options }: Opened, digest: string): string =>
  cookieName(`login_${digest.slice(0, 16)}`, options.issuer().startsWith("https:"));

const ownCallback = ({ options }: Opened): string => consoleCallback(options.issuer());

const isConsole = (opened: Opened, { answer, redirectUrl }: LoginAttemptRow): boolean =>
  answer === "code" && redirectUrl === ownCallback(opened);

/** Tells a client of a failure by the browser, as OAuth does, in none of the words that only its user may see. */
function failedAt(redirectUrl: string, state: string, error: DomainError): FailedLogin {
  const parameters = { error: codeNameOf(error), ...(state === "" ? {} : { state }) };
  return new FailedLogin(withParameters(redirectUrl, parameters), error);
}

const random = (): string => randomBytes(32).toString("base64url");
