import type { ConnectRouter } from "@connectrpc/connect";
import { QuotaService } from "../../../../gen/ts/deploy/v1/quota_pb.js";
import { callerOf } from "../../../caller.js";
import type { Platform } from "../../../platform.js";
import { scopeToGet } from "./find.js";
import { quotaMessage } from "./messages.js";
import { setQuota } from "./set.js";
import { quotaStore } from "./store.js";

/** deploy.v1.QuotaService: how many deployments and units there may be, and are. */
export function registerQuota(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(QuotaService, {
    async get(request) {
      const scope = await scopeToGet(db, request);
      const [row, use] = await Promise.all([quotaStore.get(db, scope), quotaStore.use(db, scope)]);
      return { quota: quotaMessage(row, use) };
    },
    async set(request, context) {
      const { row, use } = await setQuota(platform, callerOf(context), request);
      return { quota: quotaMessage(row, use) };
    },
  });
}
