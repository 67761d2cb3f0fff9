import { Code, ConnectError } from "@connectrpc/connect";

/** What a sign-in or renewal answers. */
interface Issued {
  readonly accessToken: string;
  readonly expiresAt: string;
  readonly sessionExpiresAt: string;
}

/** Where the session of this browser stands. */
export interface SessionState {
  readonly phase: "starting" | "signed-in" | "signed-out";
  /** Who is signed in, or was until the session ended. */
  readonly login: string | undefined;
  /** Why nobody is signed in any more; unset where nobody was. */
  readonly ended?: "expired" | "signed-out";
}

/** A sign-in that was refused: what to tell, and how long to wait. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

const callTimeoutMs = 15_000;
/** A token is renewed when less than this is left of it, or than a fifth of its life. */
const marginMs = 60_000;

let state: SessionState = { phase: "starting", login: undefined };
// In memory only: what is in storage outlives the tab, and can be read by whatever runs in the page.
let token: { readonly text: string; readonly endsAt: number; readonly renewAt: number } | undefined;
let renewing: Promise<string | undefined> | undefined;
/** Counts sign-ins and ends: what was asked before one of them is answered too late. */
let epoch = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("slipway:session") : undefined;

/** The session of this tab: a token in memory, renewed by the cookie that scripts cannot read. */
export const session = {
  state: (): SessionState => state,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  start,
  token: currentToken,
  renew,
  signIn,
  signOut,
};

/** Looks whether the cookie still holds; goes on trying while the server cannot be reached. */
async function start(onAway: () => void): Promise<void> {
  channel?.addEventListener("message", ({ data }) => void heard(data));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && token !== undefined && Date.now() >= token.renewAt) void renew().catch(() => undefined);
  });
  for (let attempt = 0; state.phase === "starting"; attempt++) {
    try {
      await renew();
    } catch {
      onAway();
      await pause(Math.min(500 * 2 ** attempt, 5_000));
    }
  }
}

/** The token for a call; renewed first when it has ended. */
async function currentToken(): Promise<string | undefined> {
  if (state.phase === "signed-out") return undefined;
  if (token !== undefined && Date.now() < token.endsAt) return token.text;
  return await renew();
}

/** Gets a new token by the cookie: one call at a time, however many ask. Nothing when the session has ended. */
function renew(): Promise<string | undefined> {
  renewing ??= renewOnce().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function renewOnce(): Promise<string | undefined> {
  const asked = epoch;
  const response = await post("/auth/session/refresh");
  const issued = response.ok ? await issuedIn(response) : undefined;
  if (asked !== epoch) return token?.text;
  if (issued !== undefined) return take(issued);
  if (response.status === 401 || response.status === 403) {
    end(state.phase === "signed-in" ? "expired" : state.ended);
    return undefined;
  }
  throw new ConnectError((await refusalOf(response)).message, Code.Unavailable);
}

/** Signs in by name and password; answers why not, when it was refused. */
async function signIn(username: string, password: string): Promise<Refusal | undefined> {
  const response = await post("/auth/session/password", { username, password });
  if (!response.ok) return await refusalOf(response);
  const issued = await issuedIn(response);
  epoch += 1;
  take(issued);
  channel?.postMessage({ kind: "signed-in" });
  return undefined;
}

/** Ends the session in all tabs; throws when the server could not be told. */
async function signOut(): Promise<void> {
  const response = await post("/auth/session/logout");
  if (!response.ok && response.status !== 401) throw new Error((await refusalOf(response)).message);
  channel?.postMessage({ kind: "signed-out" });
  end("signed-out");
}

async function heard(data: unknown): Promise<void> {
  const kind = typeof data === "object" && data !== null && "kind" in data ? data.kind : undefined;
  if (kind === "signed-out") end("signed-out");
  if (kind !== "signed-in") return;
  // One that is under way may have asked with the cookie of before.
  await renewing?.catch(() => undefined);
  await renew().catch(() => undefined);
}

/** A token, and for how long it lives. */
interface Lived {
  readonly text: string;
  readonly lives: number;
}

async function issuedIn(response: Response): Promise<Lived> {
  const { accessToken, expiresAt } = (await response.json()) as Issued;
  // Clocks differ: what counts is how long the token lives by the server's own.
  const serverNow = Date.parse(response.headers.get("date") ?? "") || Date.now();
  return { text: accessToken, lives: Math.max(Date.parse(expiresAt) - serverNow, 0) };
}

function take({ text, lives }: Lived): string {
  const now = Date.now();
  const renewAt = now + lives - Math.min(marginMs, lives / 5);
  token = { text, endsAt: now + lives - Math.min(5_000, lives / 10), renewAt };
  plan(renewAt - now);
  const login = ownerOf(text);
  const before = state.login;
  set({ phase: "signed-in", login });
  // What is on the page belongs to somebody else.
  if (before !== undefined && before !== login) location.assign("/");
  return text;
}

function plan(delay: number): void {
  clearTimeout(timer);
  timer = setTimeout(
    () => {
      renew().catch(() => plan(5_000));
    },
    Math.min(Math.max(delay, 1_000), 2 ** 31 - 1),
  );
}

function end(ended: SessionState["ended"]): void {
  epoch += 1;
  clearTimeout(timer);
  token = undefined;
  set({ phase: "signed-out", login: state.login, ...(ended === undefined ? {} : { ended }) });
}

function set(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

async function post(path: string, body?: object): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "x-slipway-console": "1" },
      body: JSON.stringify(body ?? {}),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
  } catch (cause) {
    throw new ConnectError("Slipway cannot be reached", Code.Unavailable, undefined, undefined, cause);
  }
}

async function refusalOf(response: Response): Promise<Refusal> {
  const body: unknown = await response.json().catch(() => undefined);
  const wait = Number(response.headers.get("retry-after") ?? "");
  const known = typeof body === "object" && body !== null ? (body as Partial<Refusal>) : {};
  return {
    code: known.code ?? "unavailable",
    message: known.message ?? `Slipway answered with HTTP ${response.status}`,
    ...(wait > 0 ? { retryAfterSeconds: wait } : {}),
  };
}

/** The `sub` of a token; it is only shown, so that nobody needs to verify it here. */
function ownerOf(jwt: string): string | undefined {
  try {
    const payload = (jwt.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null && "sub" in claims ? String(claims.sub) : undefined;
  } catch {
    return undefined;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
