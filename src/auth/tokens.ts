import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from "jose";
import { DomainError } from "../errors.js";
import { isUuid } from "../resources/api/uuid.js";
import type { SigningKeys } from "./signing-keys.js";

/** Longer than any token that is issued here; longer ones are refused unread. */
const maxTokenLength = 4_096;

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
  /** What a JWT of this issuer says; throws "unauthenticated" when it does not hold. */
  verify(jwt: string): Promise<TokenClaims>;
}

/**
 * Tokens as JWTs (ES256) with iss, sub, jti, iat, nbf, exp and type. With `anyIssuer` those
 * hold, too, that the same keys have signed under another URL.
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
          requiredClaims: ["sub", "jti", "iat", "exp", "type"],
        });
        const { sub, jti, iat, exp, type } = payload;
        if (sub === undefined || jti === undefined || iat === undefined || exp === undefined)
          throw invalidToken("it lacks a claim");
        if (!isUuid(jti) || sub.includes("\u0000")) throw invalidToken("its claims are malformed");
        if (type !== "api" && type !== "console") throw invalidToken("its type is unknown");
        return { tokenId: jti, user: sub, type, issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) };
      } catch (error) {
        throw asInvalidToken(error);
      }
    },
  };
}

function asInvalidToken(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return invalidToken("it has expired");
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(`its ${error.claim} claim does not hold`);
  // decodeProtectedHeader reports malformed input as TypeError.
  if (error instanceof errors.JOSEError || error instanceof TypeError)
    return invalidToken("it is malformed or its signature is wrong");
  return error;
}

function invalidToken(reason: string): DomainError {
  return new DomainError("unauthenticated", `the token is not valid: ${reason}`);
}
