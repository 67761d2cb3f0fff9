import type { ConnectRouter } from "@connectrpc/connect";
import { TokenService } from "../../../../gen/ts/admin/v1/token_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { tokenMessage } from "./messages.js";
import { tokenStore } from "./store.js";

/** admin.v1.TokenService: the tokens of all users, for operators. */
export function registerAdminToken(router: ConnectRouter, { db, clock }: Platform): void {
  router.service(TokenService, {
    async list({ userId }) {
      return { tokens: (await tokenStore.list(db, userId, clock())).map(tokenMessage) };
    },
    async revoke({ uuid, userId }) {
      if (await tokenStore.revoke(db, userId, uuid, clock())) return {};
      throw new DomainError("missing", `token ${uuid} of that user does not exist`);
    },
  });
}
