import type { ConnectRouter } from "@connectrpc/connect";
import { TokenService, type TokenServiceCreateRequest } from "../../../../gen/ts/api/v1/token_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { issueToken } from "./issue.js";
import { tokenMessage } from "./messages.js";
import { askedGrants, refuseEscalation, refuseUnknownMethods } from "./rules.js";
import { type TokenRow, tokenStore } from "./store.js";

const defaultSeconds = 8 * 3_600;

/** api.v1.TokenService: the tokens of the calling user. */
export function registerToken(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(TokenService, {
    async create(request, context) {
      const { row, secret } = await createToken(platform, request, callerOf(context));
      return { token: tokenMessage(row), secret };
    },
    async list(_, context) {
      return { tokens: (await tokenStore.list(db, callerOf(context).user, clock())).map(tokenMessage) };
    },
    async get({ uuid }, context) {
      return { token: tokenMessage(found(await tokenStore.get(db, callerOf(context).user, uuid, clock()), uuid)) };
    },
    async revoke({ uuid }, context) {
      if (!(await tokenStore.revoke(db, callerOf(context).user, uuid, clock()))) throw missing(uuid);
      return {};
    },
  });
}

async function createToken(platform: Platform, request: TokenServiceCreateRequest, caller: Caller) {
  const { db, clock, methods } = platform;
  const now = clock();
  const asked = askedGrants(request, caller);
  refuseUnknownMethods(asked, methods.names);
  const calling = await tokenStore.get(db, caller.user, caller.tokenId, now);
  if (calling === undefined) throw new DomainError("unauthenticated", "the token is not valid: it was revoked");
  refuseEscalation(asked, calling, caller, methods);
  return await issueToken(db, platform.tokens, {
    ...asked,
    id: platform.newId(),
    owner: caller.user,
    type: "api",
    description: request.description,
    now,
    seconds: request.expires === undefined ? defaultSeconds : Number(request.expires.seconds),
  });
}

function found(row: TokenRow | undefined, uuid: string): TokenRow {
  if (row === undefined) throw missing(uuid);
  return row;
}

const missing = (uuid: string): DomainError => new DomainError("missing", `token ${uuid} does not exist`);
