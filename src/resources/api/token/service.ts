import type { ConnectRouter } from "@connectrpc/connect";
import {
  TokenService,
  type TokenServiceCreateRequest,
  type TokenServiceUpdateRequest,
} from "../../../../gen/ts/api/v1/token_pb.js";
import { type Caller, callerOf } from "../../../caller.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { signToken } from "./issue.js";
import { tokenMessage } from "./messages.js";
import {
  askedGrants,
  demandUnchanged,
  type GrantsRequest,
  refuseConsoleGrants,
  refuseEscalation,
  refuseUnknownMethods,
} from "./rules.js";
import { type TokenRow, tokenStore } from "./store.js";

const defaultSeconds = 8 * 3_600;
/** Most live API tokens of one owner; those that come from signing in are not counted, or nobody could sign in. */
export const mostTokens = 1_000;

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
    async update(request, context) {
      return { token: tokenMessage(await updateToken(platform, request, callerOf(context))) };
    },
    async revoke({ uuid }, context) {
      if (!(await tokenStore.revoke(db, callerOf(context).user, uuid, clock()))) throw missing(uuid);
      return {};
    },
  });
}

async function createToken(platform: Platform, request: TokenServiceCreateRequest, cached: Caller) {
  const { caller, asked } = await judge(platform, request, cached);
  const now = platform.clock();
  const { row: wanted, secret } = await signToken(platform.tokens, {
    ...asked,
    id: platform.newId(),
    owner: caller.user,
    type: "api",
    description: request.description,
    now,
    seconds: request.expires === undefined ? defaultSeconds : Number(request.expires.seconds),
  });
  const row = await platform.db.transaction(async (tx) => {
    if ((await tokenStore.lockOwnerAndCount(tx, caller.user, now)) >= mostTokens) {
      throw new DomainError("exhausted", `${caller.user} has ${mostTokens} API tokens already: revoke some first`);
    }
    const [held] = await tokenStore.lock(tx, caller.user, [caller.tokenId], now);
    demandUnchanged(caller, held);
    return found(await tokenStore.insert(tx, wanted), wanted.id);
  });
  return { row, secret };
}

async function updateToken(platform: Platform, request: TokenServiceUpdateRequest, cached: Caller): Promise<TokenRow> {
  const { uuid } = request;
  const { caller, asked } = await judge(platform, request, cached);
  const now = platform.clock();
  return await platform.db.transaction(async (tx) => {
    const held = await tokenStore.lock(tx, caller.user, [caller.tokenId, uuid], now);
    const byId = (wanted: string) => held.find(({ id }) => id === wanted);
    demandUnchanged(caller, byId(caller.tokenId));
    const { type, description } = found(byId(uuid), uuid);
    if (type === "console") refuseConsoleGrants(asked);
    const change = { ...asked, description: request.description ?? description };
    return found(await tokenStore.update(tx, caller.user, uuid, change, now), uuid);
  });
}

/** What a request asks for, held against the caller as of now: what is given away outlives the call. */
async function judge(platform: Platform, request: GrantsRequest, cached: Caller) {
  const caller = await platform.callerNow(cached);
  const asked = askedGrants(request, caller);
  refuseUnknownMethods(asked, platform.methods.names);
  refuseEscalation(asked, caller, platform.methods);
  return { caller, asked };
}

function found(row: TokenRow | undefined, uuid: string): TokenRow {
  if (row === undefined) throw missing(uuid);
  return row;
}

const missing = (uuid: string): DomainError => new DomainError("missing", `token ${uuid} does not exist`);
