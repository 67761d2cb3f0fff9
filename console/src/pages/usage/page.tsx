import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import { UsageService } from "../../../../gen/ts/billing/v1/usage_pb.js";
import { useProject } from "../../app/project.js";
import { KeyValue, Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { DateTime } from "../../kit/time.js";
import { moneyText } from "../invoices/money.js";
import tableClasses from "../invoices/table.module.css";
import { BudgetSection } from "./budget.js";
import { MonthPicker } from "./month-picker.js";
import { monthOf, monthText, readMonth } from "./months.js";
import { Resources } from "./resources.js";
import { type Sum, sumsOf, totalOf } from "./sums.js";
import classes from "./usage.module.css";
import { UsageChart } from "./usage-chart.js";
import { useUsage } from "./use-usage.js";

/** What the tenant used in a month, and what that costs. */
export function Page() {
  const { tenant } = useProject();
  const [search, setSearch] = useSearchParams();
  const now = monthOf(new Date());
  const month = readMonth(search.get("month"), now);
  const { data, error, refetch } = useUsage(tenant, month);
  const forecast = useQuery(UsageService.method.getForecast, { login: tenant }, { enabled: month === now });
  const sums = useMemo(() => sumsOf(data?.usages ?? []), [data]);
  const rows = useMemo(() => data?.usages.map((usage) => ({ usage, currency: data.currency })), [data]);
  const currency = data?.currency ?? "";
  const choose = (next: string) => setSearch(next === now ? {} : { month: next });
  return (
    <PageBody>
      <PageHeader title="Usage">
        <MonthPicker month={month} now={now} onChange={choose} />
      </PageHeader>
      {error !== null && data === undefined ? (
        <Problem error={error} what="What was used could not be read" onRetry={() => void refetch()} />
      ) : (
        <>
          <Section title={monthText(month)}>
            <KeyValue
              items={[
                ["Used so far, before discounts and tax", data ? moneyText(totalOf(sums), currency) : ""],
                [
                  "By the end of the month",
                  month !== now
                    ? "The month is over"
                    : forecast.data === undefined
                      ? ""
                      : `${moneyText(forecast.data.forecast, forecast.data.currency)} if all runs on`,
                ],
                ["Known until", <DateTime key="until" at={data?.meteredUntil} none={data ? "Not counted yet" : ""} />],
              ]}
            />
            {data?.isWhole === false && (
              <p role="status">There is more than is shown here; the sums are of what is shown.</p>
            )}
          </Section>
          <Section title="By project and product">
            {data !== undefined && sums.length === 0 ? (
              <p>
                Nothing was used in this month. What clusters, volumes and addresses cost shows up here by the hour.
              </p>
            ) : (
              <div className={classes.pair}>
                <div className={classes.chart}>{data && <UsageChart sums={sums} currency={currency} />}</div>
                <SumTable sums={sums} currency={currency} month={month} />
              </div>
            )}
          </Section>
          {month === now && forecast.data !== undefined && (
            <BudgetSection tenant={tenant} spent={forecast.data.spent} currency={forecast.data.currency} />
          )}
          {sums.length > 0 && (
            <Section title="By resource">
              <div className={classes.resources}>
                <Resources rows={rows} />
              </div>
            </Section>
          )}
        </>
      )}
    </PageBody>
  );
}

/** The same as the chart, in words. */
function SumTable({ sums, currency, month }: { sums: readonly Sum[]; currency: string; month: string }) {
  return (
    <div className={tableClasses.box}>
      <table className={tableClasses.table} aria-label={`Cost by project and product in ${monthText(month)}`}>
        <thead>
          <tr>
            <th scope="col">Project</th>
            <th scope="col">Product</th>
            <th scope="col" className={tableClasses.end}>
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {sums.map(({ project, projectName, product, amount }) => (
            <tr key={`${project} ${product}`}>
              <td>{projectName}</td>
              <td>{product}</td>
              <td className={tableClasses.end}>{moneyText(amount, currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <td colSpan={2}>All</td>
            <td className={tableClasses.end}>{currency !== "" && moneyText(totalOf(sums), currency)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}
