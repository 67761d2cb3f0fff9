import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { DomainError } from "../errors.js";
import { isUuid } from "../resources/api/uuid.js";
import type { SigningKeys } from "./signing-keys.js";

/** Longer than any token that is issued here; longer ones are refused unread. */
const maxTokenLength = 4_096;
/** By how much the clocks of servers may differ: one takes a token that another has just issued. */
const clockSkewSeconds = 5;

/** What a token says of itself. */
export interface TokenClaims {
  readonly tokenId: string;
  readonly user: string;
  readonly type: "api" | "console";
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** Issues and verifies tokens. */
export interface Tokens {
  /** The signed JWT of a token. */
  sign(claims: TokenClaims): Promise<string>;
  /** What a JWT of this issuer says; throws "unauthenticated", with the reason, when it does not hold. */
  verify(jwt: string): Promise<TokenClaims>;
}

/**
 * Tokens as JWTs (ES256) with iss, sub, jti, iat, nbf, exp and type. With `anyIssuer` those
 * hold, too, that the same keys have signed under another URL. They have no aud: the issuer
 * is their only audience, and a token that names others is refused.
 */
export function createTokens(
  keys: SigningKeys,
  issuer: () => string,
  clock: () => Date,
  { anyIssuer = false }: { readonly anyIssuer?: boolean | undefined } = {},
): Tokens {
  return {
    async sign(claims) {
      const { kid, key } = await keys.signer();
      return await new SignJWT({ type: claims.type })
        .setProtectedHeader({ alg: "ES256", kid, typ: "JWT" })
        .setIssuer(issuer())
        .setSubject(claims.user)
        .setJti(claims.tokenId)
        .setIssuedAt(claims.issuedAt)
        .setNotBefore(claims.issuedAt)
        .setExpirationTime(claims.expiresAt)
        .sign(key);
    },

    async verify(jwt) {
      if (jwt.length > maxTokenLength) throw invalidToken("it is too long");
      try {
        const { kid } = decodeProtectedHeader(jwt);
        const key = kid === undefined ? undefined : await keys.verifier(kid);
        if (key === undefined) throw invalidToken("its key is unknown");
        const { payload } = await jwtVerify(jwt, key, {
          algorithms: ["ES256"],
          ...(anyIssuer ? {} : { issuer: issuer() }),
          currentDate: clock(),
          clockTolerance: clockSkewSeconds,
          requiredClaims: ["sub", "jti", "iat", "exp", "type"],
        });
        if (!isFor(payload.aud, anyIssuer ? payload.iss : issuer())) throw invalidToken("its aud claim does not hold");
        return readClaims(payload, clock());
      } catch (error) {
        throw asInvalidToken(error);
      }
    },
  };
}

function readClaims({ sub, jti, iat, exp, type }: JWTPayload, now: Date): TokenClaims {
  if (sub === undefined || jti === undefined || iat === undefined || exp === undefined) {
    throw invalidToken("it lacks a claim");
  }
  if (!isUuid(jti) || sub.includes("\u0000")) throw invalidToken("its claims are malformed");
  if (type !== "api" && type !== "console") throw invalidToken("its type is unknown");
  const expiresAt = new Date(exp * 1000);
  if (expiresAt <= now) throw invalidToken("it has expired");
  return { tokenId: jti, user: sub, type, issuedAt: new Date(iat * 1000), expiresAt };
}

/** Whether a token is meant for that audience; one that names none is. */
function isFor(audience: unknown, wanted: string | undefined): boolean {
  return audience === undefined || [audience].flat().some((one) => one === wanted);
}

function asInvalidToken(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return invalidToken("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(reasonOfClaim(error));
  if (error instanceof errors.JOSEAlgNotAllowed) return invalidToken("its algorithm is not ES256");
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalidToken("its signature is wrong");
  // decodeProtectedHeader reports malformed input as TypeError.
  if (error instanceof errors.JOSEError || error instanceof TypeError) return invalidToken("it is malformed");
  return error;
}

function reasonOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === "missing") return `it has no ${claim} claim`;
  return claim === "nbf" && reason === "check_failed" ? "it is not valid yet" : `its ${claim} claim does not hold`;
}

function invalidToken(reason: string): DomainError {
  return new DomainError("unauthenticated", `the token is not valid: ${reason}`);
}
