import { is, SQL, sql } from "drizzle-orm";
import type { ClusterObservation } from "./kube.js";
import { clusters } from "./table.js";

/** What an observation says, as columns of the row. */
export function observedColumns(seen: ClusterObservation) {
  const { seed, labels, kubernetesVersion, conditions, lastErrors } = seen;
  const { apiServerReady, controlPlaneReady, nodesReady, systemComponentsReady } = seen;
  const operation = { statusType: seen.type, statusState: seen.state, statusProgress: progressOf(seen) };
  const parts = { apiServerReady, controlPlaneReady, nodesReady, systemComponentsReady };
  const columns = { ...operation, ...parts, conditions, lastErrors, seed: seed ?? null, labels };
  // The backend's own maintenance may have raised the version; a deletion says nothing of what is wanted.
  return seen.type === "Delete" ? columns : { ...columns, kubernetesVersion };
}

/** A deletion never goes back: what a backend tries again, or counts anew, is told when it has got further. */
function progressOf({ type, progress }: ClusterObservation): number | SQL<number> {
  if (type !== "Delete") return progress;
  const further = sql`greatest(${clusters.statusProgress}, ${progress}::int)`;
  return sql<number>`case when ${clusters.statusType} = 'Delete' then ${further} else ${progress}::int end`;
}

/** Whether the row says something else; what says the same again is no change. */
export function saysElse(columns: ReturnType<typeof observedColumns>): SQL {
  const names = Object.keys(columns) as (keyof typeof columns)[];
  const present = names.map((name) => sql`${clusters[name]}`);
  const seen = names.map((name) => {
    const value = columns[name];
    return is(value, SQL) ? value : sql.param(value, clusters[name]);
  });
  return sql`(${sql.join(present, sql`, `)}) is distinct from (${sql.join(seen, sql`, `)})`;
}
