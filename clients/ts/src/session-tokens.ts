import { Code, ConnectError } from "@connectrpc/connect";
import { singleFlight } from "./single-flight.js";

/** What a session needs of the answer of `AuthService.ExchangeToken`. */
export interface ExchangedTokens {
  readonly accessToken: string;
  /** Brings the next access token, once. */
  readonly refreshToken: string;
}

/** What a session can be told. */
export interface SessionOptions {
  /** Spends a refresh token: `(refreshToken) => auth.exchangeToken({ grant: { case: "refreshToken", value: { refreshToken } } })`. */
  readonly exchange: (refreshToken: string) => Promise<ExchangedTokens>;
  /** The refresh token of the sign-in, or the last one that `onTokens` heard of. */
  readonly refreshToken: string;
  /** The access token that came with it; without one the first call exchanges. */
  readonly accessToken?: string | undefined;
  /** Hears of new tokens before they are used, to keep them: the refresh token before them is spent. */
  readonly onTokens?: ((tokens: ExchangedTokens) => void | Promise<void>) | undefined;
}

/** The `token` and `renew` of a client that stays signed in. */
export interface SessionTokens {
  /** The access token, renewed when most of its time is over. */
  token(): Promise<string>;
  /** A new access token, whatever time the present one has left. */
  renew(): Promise<string>;
}

/** A token is renewed when this part of its time is over, so that none ends on its way. */
const usedPart = 0.8;

/**
 * Keeps an access token that is renewed by refresh tokens, one exchange at a time: a refresh token that is used twice
 * ends its session.
 */
export function sessionTokens(options: SessionOptions): SessionTokens {
  let refreshToken = options.refreshToken;
  let held = options.accessToken === undefined ? undefined : hold(options.accessToken, false);
  let ended: ConnectError | undefined;
  const renew = singleFlight(async () => {
    if (ended !== undefined) throw ended;
    try {
      const tokens = await options.exchange(refreshToken);
      refreshToken = tokens.refreshToken;
      const next = hold(tokens.accessToken, true);
      await options.onTokens?.(tokens);
      held = next;
      return tokens.accessToken;
    } catch (error) {
      if (error instanceof ConnectError && error.code === Code.Unauthenticated) ended = error;
      throw error;
    }
  });
  return {
    renew,
    async token() {
      const present = held;
      if (present !== undefined && Date.now() < present.renewAt) return present.token;
      try {
        return await renew();
      } catch (error) {
        // What has time left holds while the server cannot renew it.
        if (present !== undefined && ended === undefined && Date.now() < present.endsAt) return present.token;
        throw error;
      }
    },
  };
}

/** When a JWT ends, by its claim `exp`; undefined for what has none. It says nothing about whether the token holds. */
export function expiryOf(jwt: string): Date | undefined {
  const { exp } = claimsOf(jwt);
  return typeof exp === "number" ? new Date(exp * 1000) : undefined;
}

interface HeldToken {
  readonly token: string;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** A token and its times. One that was made just now has its whole time, whatever this clock says, which may be wrong. */
function hold(token: string, isNew: boolean): HeldToken {
  const { exp, iat } = claimsOf(token);
  if (typeof exp !== "number") return { token, renewAt: Number.POSITIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };
  const now = Date.now();
  const left = exp * 1000 - now;
  const whole = typeof iat === "number" ? (exp - iat) * 1000 : left;
  const endsAt = now + (isNew ? whole : left);
  return { token, renewAt: endsAt - whole * (1 - usedPart), endsAt };
}

function claimsOf(jwt: string): Record<string, unknown> {
  try {
    const [, payload = ""] = jwt.split(".");
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? { ...claims } : {};
  } catch {
    return {};
  }
}
