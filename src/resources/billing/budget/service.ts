import type { ConnectRouter } from "@connectrpc/connect";
import { BudgetService, type BudgetServiceSetRequest } from "../../../../gen/ts/billing/v1/budget_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { cutPage, pageOf } from "../../api/paging.js";
import { pricedIn } from "../price/current.js";
import { alertMessage, budgetMessage } from "./messages.js";
import { thresholdsOf } from "./rules.js";
import { type BudgetRow, budgetStore } from "./store.js";

/** billing.v1.BudgetService: what a tenant means to spend, and when it is told. */
export function registerBudget(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(BudgetService, {
    get: async ({ login }) => ({ budget: budgetMessage(found(await budgetStore.get(db, login), login)) }),
    set: async (request) => ({ budget: budgetMessage(await setBudget(platform, request)) }),
    delete: async ({ login }) => ({ budget: budgetMessage(found(await budgetStore.delete(db, login), login)) }),
    async listAlerts({ login, paging }) {
      const page = pageOf(paging);
      const { rows, next } = cutPage(page, await budgetStore.alerts(db, login, page));
      return { alerts: rows.map(alertMessage), ...next };
    },
  });
}

async function setBudget(
  platform: Platform,
  { login, amount, thresholds, forecastThresholds }: BudgetServiceSetRequest,
): Promise<BudgetRow> {
  const currency = await pricedIn(platform);
  if (currency === undefined) {
    throw new DomainError("precondition", "nothing has a price here, so that there is nothing to budget");
  }
  const row = {
    tenant: login,
    amount,
    currency,
    ...thresholdsOf(thresholds, forecastThresholds),
    updatedAt: platform.clock(),
  };
  await budgetStore.set(platform.db, row);
  return row;
}

function found(row: BudgetRow | undefined, tenant: string): BudgetRow {
  if (row === undefined) throw new DomainError("missing", `tenant ${tenant} has no budget`);
  return row;
}
