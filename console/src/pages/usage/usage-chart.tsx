import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { decimalOf, minorDigits, moneyText } from "../invoices/money.js";
import { namesBy, type Sum, totalOf } from "./sums.js";

/** So many projects have a bar of their own. */
const mostBars = 12;
/** So many products have a color of their own. */
const colors = ["harbor.5", "orange.5", "violet.4", "teal.4", "pink.4", "yellow.4", "blue.4"];

/** What each project costs, by product. The table beside it says the same in words, so that readers pass it by. */
export function UsageChart({ sums, currency }: { sums: readonly Sum[]; currency: string }) {
  const products = namesBy(sums, "product");
  const own = products.slice(0, colors.length - 1);
  const nameOf = (product: string) => (own.includes(product) ? product : "Others");
  const names = [...new Set(products.map(nameOf))];
  const data = namesBy(sums, "project")
    .slice(0, mostBars)
    .map((project) => {
      const bars: Record<string, string | number> = {
        project: sums.find((sum) => sum.project === project)?.projectName ?? project,
      };
      for (const [i, name] of names.entries()) {
        const amount = totalOf(sums.filter((sum) => sum.project === project && nameOf(sum.product) === name));
        // Only the length of a bar: what is told in words stays exact.
        bars[`p${i}`] = Number(decimalOf(amount, minorDigits(currency)));
      }
      return bars;
    });
  const series = names.map((label, i) => ({ name: `p${i}`, label, color: colors[i] ?? "gray.5" }));
  const text = (value: number) => moneyText(BigInt(Math.round(value * 10 ** minorDigits(currency))), currency);
  return (
    <div aria-hidden="true" style={{ height: 260 }}>
      <BarChart
        h={260}
        data={data}
        dataKey="project"
        type="stacked"
        series={series}
        valueFormatter={text}
        withLegend
        legendProps={{ verticalAlign: "bottom", height: 36 }}
        maxBarWidth={72}
        yAxisProps={{ width: 84 }}
        barProps={{ isAnimationActive: false }}
        barChartProps={{ accessibilityLayer: false }}
      />
    </div>
  );
}
