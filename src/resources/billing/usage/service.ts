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
import { type UsageTotal, usageStore } from "./store.js";

/** billing.v1.UsageService: what was used, and what it costs. */
export function registerUsage(router: ConnectRouter, platform: Platform): void {
  const { db, clock } = platform;
  router.service(UsageService, {
    async list(request) {
      const page = pageOf(request.paging, { fallback: 200 });
      const period = periodOf(momentOf(request.period) ?? clock());
      const { rows, next } = cutPage(page, (await find(platform, request, period)).slice(page.offset));
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

/** The tenant's use in a period, of one project where the request names one. */
async function find(
  { db }: Platform,
  { login, project }: Pick<UsageServiceListRequest, "login" | "project">,
  period: Date,
): Promise<UsageTotal[]> {
  const totals = await usageStore.totals(db, { tenant: login, period });
  if (project === undefined) return totals;
  const ofProject = totals.filter((total) => total.project === project.toLowerCase());
  // A project that is gone is still known by its use.
  if (ofProject.length === 0 && (await projectStore.get(db, project))?.tenant !== login) {
    throw new DomainError("missing", `project ${project} does not exist in tenant ${login}`);
  }
  return ofProject;
}

const lastSecond = 253_370_764_799n;

function momentOf(time: Timestamp | undefined): Date | undefined {
  if (time === undefined) return undefined;
  if (time.seconds < 0n || time.seconds > lastSecond)
    throw invalidField("period", "must be a time of the years 1970 to 9998");
  return timestampDate(time);
}
