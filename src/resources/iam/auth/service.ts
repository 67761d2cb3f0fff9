import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { AuthService, type AuthServiceExchangeTokenRequest } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type PrincipalRow, principalStore } from "../principal/store.js";
import { type Exchanged, exchangeClientSecret, exchangeCode, exchangeRefreshToken, unproven } from "./exchange.js";
import { endTokenAndSession } from "./logout.js";
import { callerMessage, exchangedMessage, providerMessage } from "./messages.js";

/** iam.v1.AuthService: how people and programs sign in and out. */
export function registerAuth(router: ConnectRouter, platform: Platform): void {
  const { db, clock, signIn, settings, issuer, passwords } = platform;
  router.service(AuthService, {
    getAuthInfo: () => ({
      providers: signIn.providers.map(providerMessage),
      passwordSignIn: settings.passwordSignIn,
      issuer: issuer(),
      jwksUrl: `${issuer()}/.well-known/jwks.json`,
    }),
    async startLogin({ provider, redirectUrl, state, codeChallenge }) {
      const answer = { kind: "code", state, codeChallenge } as const;
      const { url, expiresAt } = await signIn.begin({ provider, redirectUrl, answer });
      return { authorizationUrl: url, expiresAt: timestampFromDate(expiresAt) };
    },
    async exchangeToken({ grant }) {
      const exchanged = await exchange(platform, grant);
      return exchangedMessage(exchanged, await principalOf(platform, exchanged.principal));
    },
    async logout(_, context) {
      const { user, tokenId } = callerOf(context);
      if (await endTokenAndSession(db, user, tokenId, clock())) return {};
      throw new DomainError("precondition", "an API key is not signed out: disable it by iam.v1.CredentialService");
    },
    async whoAmI(_, context) {
      const caller = callerOf(context);
      return callerMessage(caller, await principalOf(platform, caller.user));
    },
    async setPassword(request) {
      await passwords.set(request);
      return {};
    },
  });
}

function exchange(platform: Platform, grant: AuthServiceExchangeTokenRequest["grant"]): Promise<Exchanged> {
  switch (grant.case) {
    case "authorizationCode":
      return exchangeCode(platform, grant.value, "refreshToken");
    case "refreshToken":
      return exchangeRefreshToken(platform, grant.value);
    case "clientCredentials":
      return exchangeClientSecret(platform, grant.value);
    case "password":
      return platform.passwords.exchange(grant.value, "refreshToken");
    default:
      throw unproven();
  }
}

async function principalOf({ db }: Platform, id: string): Promise<PrincipalRow> {
  const row = await principalStore.get(db, id);
  if (row === undefined) throw new DomainError("unauthenticated", "there is no such account any more");
  return row;
}
