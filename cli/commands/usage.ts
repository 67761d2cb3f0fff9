import type { Command } from "commander";
import type { Usage, UsageSchema, UsageServiceGetForecastResponseSchema } from "../../gen/ts/billing/v1/usage_pb.js";
import type { Kind } from "../output.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { moneyOf } from "../resources/money.js";
import { allNumberedPages } from "../resources/pages.js";
import { addTenant, type TenantFlag, tenantOf } from "../resources/tenant-flag.js";
import { isoOf, type Moment, pastMoment } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/billing/v1/usage_pb.js"));
const usages = async (session: Session) => session.client((await api()).UsageService);

const forecastKind: Kind<typeof UsageServiceGetForecastResponseSchema> = {
  schema: async () => (await api()).UsageServiceGetForecastResponseSchema,
  name: ({ forecast }) => String(forecast),
  columns: [
    { header: "FROM", value: ({ periodStart }) => isoOf(periodStart).slice(0, 10) },
    { header: "TO", value: ({ periodEnd }) => isoOf(periodEnd).slice(0, 10) },
    { header: "SPENT", value: ({ spent, currency }) => moneyOf(spent, currency) },
    { header: "FORECAST", value: ({ forecast, currency }) => moneyOf(forecast, currency) },
    { header: "KNOWN-UNTIL", value: ({ meteredUntil }) => isoOf(meteredUntil), wide: true },
  ],
};

interface UsageFlags extends TenantFlag {
  readonly month?: Moment;
}

/** `slipway usage`: what was used and what it costs, before discounts and tax. */
export function usageCommands(group: Command): void {
  const get = addTenant(group.command("get"))
    .description("list what was used in a month; only that of --project if it is given")
    .option("--month <month>", "a month such as 2026-05, in UTC; the present one unless told", pastMoment)
    .action(run(getUsage));
  examples(get, "slipway usage get", "slipway usage get --month 2026-05 --project shop -o json");
  addTenant(group.command("forecast"))
    .description("tell what the month has cost so far, and what it will cost if all runs on")
    .action(
      run(async (session, flags: TenantFlag) => {
        const login = await tenantOf(session, flags);
        await session.out.one(forecastKind, await (await usages(session)).getForecast({ login }));
      }),
    );
}

async function getUsage(session: Session, flags: UsageFlags): Promise<void> {
  const login = await tenantOf(session, flags);
  const project = session.flags.project === undefined ? undefined : await session.project();
  const client = await usages(session);
  let currency = "";
  let knownUntil = "";
  const found = await allNumberedPages<Usage>(async (page) => {
    const answer = await client.list({ login, ...given({ project, period: flags.month }), paging: given({ page }) });
    currency = answer.currency;
    knownUntil = isoOf(answer.meteredUntil);
    return { items: answer.usages, nextPage: answer.nextPage };
  });
  await session.out.list(
    usageKind(() => currency),
    found,
  );
  const total = found.reduce((sum, { amount }) => sum + amount, 0n);
  session.note(`${moneyOf(total, currency)} in all${knownUntil === "" ? "" : `, as known until ${knownUntil}`}`);
}

function usageKind(currency: () => string): Kind<typeof UsageSchema> {
  return {
    schema: async () => (await api()).UsageSchema,
    name: ({ resource }) => resource,
    columns: [
      { header: "PROJECT", value: ({ projectName }) => projectName },
      { header: "RESOURCE", value: ({ resourceName }) => resourceName },
      { header: "PRODUCT", value: ({ productName }) => productName },
      { header: "QUANTITY", value: ({ quantity, unitLabel }) => `${quantity} ${unitLabel}` },
      { header: "AMOUNT", value: ({ amount }) => moneyOf(amount, currency()) },
      { header: "RESOURCE-ID", value: ({ resource }) => resource, wide: true },
      { header: "UNIT-PRICE", value: ({ unitAmount }) => unitAmount, wide: true },
    ],
  };
}
