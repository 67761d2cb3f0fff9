import { type ConfigFile, type Context, changeConfig, type StoredSession, withContext } from "./config-file.js";
import { Failure } from "./failure.js";
import type { Settings } from "./settings.js";

/** A token that ends within this time is renewed before it is used. */
const marginMs = 30_000;

/** Trades a refresh token for the next session. */
export type Exchange = (refreshToken: string) => Promise<StoredSession>;

/** Where the token of each call comes from. */
export interface TokenSource {
  token(): Promise<string | undefined>;
  /** After a token was refused: the next one, if there can be one. */
  renew(): Promise<string | undefined>;
}

/** The token that was given, or that of the context's session, which is renewed while it lasts. */
export function tokenSource(settings: Settings, exchange: Exchange): TokenSource {
  const { token, context } = settings;
  if (token !== undefined || context?.session === undefined) {
    return { token: async () => token, renew: async () => undefined };
  }
  let session = context.session;
  const renewed = async (): Promise<string> => {
    session = await renewSession(context, session, exchange);
    return session.accessToken;
  };
  return {
    token: async () => (Date.parse(session.expiresAt) - Date.now() > marginMs ? session.accessToken : await renewed()),
    renew: renewed,
  };
}

/**
 * The next session of a context. A refresh token is good for one use, so one process renews at a time,
 * and whoever waited takes what the other got.
 */
async function renewSession(context: Context, used: StoredSession, exchange: Exchange): Promise<StoredSession> {
  let next: StoredSession | undefined;
  const renew = async (config: ConfigFile): Promise<ConfigFile> => {
    const stored = config.contexts.find(({ name }) => name === context.name);
    if (stored?.session === undefined || stored.url !== context.url) throw signedOut(context);
    if (stored.session.accessToken !== used.accessToken) {
      next = stored.session;
      return config;
    }
    next = await exchange(stored.session.refreshToken);
    return withContext(config, { ...stored, session: next });
  };
  await unlessInterrupted(() => changeConfig(renew));
  return next ?? used;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A spent refresh token whose successor is lost ends the session: Ctrl-C waits for it, and so do other ends. */
async function unlessInterrupted<T>(work: () => Promise<T>): Promise<T> {
  let asked: NodeJS.Signals | undefined;
  const note = (signal: NodeJS.Signals): void => {
    asked = signal;
  };
  for (const signal of signals) process.on(signal, note);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, note);
    if (asked !== undefined) process.kill(process.pid, asked);
  }
}

function signedOut(context: Context): Failure {
  return new Failure("unauthenticated", `you are signed out of ${context.url}`, [
    `Run slipway login --context ${context.name}.`,
  ]);
}

/** Takes the credentials of a context away, with what was got by them, and nothing else of it. */
export async function forgetCredentials(name: string): Promise<void> {
  await changeConfig((config) => {
    const context = config.contexts.find((each) => each.name === name);
    if (context === undefined) return config;
    const { token: _token, session: _session, ...rest } = context;
    return withContext(config, rest);
  });
  const { forgetAccess } = await import("./kubeconfig/credential.js");
  await forgetAccess(name);
}
