import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { UsageService, type UsageServiceListRequest } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { projectStore } from "../../api/project/store.js";
import { periodAfter, periodOf } from "../invoice/period.js";
import { currencyOf } from "../price/current.js";
import { spendingMessage, usageMessage } from "./messages.js";
import { spendingOf } from "./spending.js";
import { usageStore } from "./store.js";

/** billing.v1.UsageService: what was used, and what it costs. */
export function registerUsage(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(UsageService, {
    async list(request) {
      const page = pageOf(request.paging, { fallback: 200 });
      const period = periodOf(momentOf(request.period) ?? clock());
      await demandProject(platform, request, period);
      const { login: tenant, project } = request;
      const { rows, next } = cutPage(page, await usageStore.totals(db, { tenant, period }, { project, page }));
      const meteredUntil = await usageStore.meteredUntil(db);
      return {
        usages: rows.map(usageMessage),
        currency: await currencyOf(platform),
        periodStart: timestampFromDate(period),
        periodEnd: timestampFromDate(periodAfter(period)),
        ...(meteredUntil === undefined ? {} : { meteredUntil: timestampFromDate(meteredUntil) }),
        ...next,
      };
    },
    async getForecast({ login }) {
      return spendingMessage(await spendingOf(db, login, clock()), await currencyOf(platform));
    },
  });
}

/** Throws "missing" for a project, where the request names one, that is not the tenant's. */
async function demandProject(
  { db }: Platform,
  { login, project }: Pick<UsageServiceListRequest, "login" | "project">,
  period: Date,
): Promise<void> {
  if (project === undefined || (await projectStore.get(db, project))?.tenant === login) return;
  // A project that is gone is still known by its use.
  if (await usageStore.usedIn(db, { tenant: login, period }, project)) return;
  throw new DomainError("missing", `project ${project} does not exist in tenant ${login}`);
}

const lastSecond = 253_370_764_799n;

function momentOf(time: Timestamp | undefined): Date | undefined {
  if (time === undefined) return undefined;
  if (time.seconds < 0n || time.seconds > lastSecond)
    throw invalidField("period", "must be a time of the years 1970 to 9998");
  return timestampDate(time);
}
