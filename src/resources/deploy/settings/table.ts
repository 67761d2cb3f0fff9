import { bigint, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { tenants } from "../../api/tenant/table.js";

/** Settings of a tenant for all of its deployments. */
export interface DeploySettings {
  /** `role` is the name of a built-in role or the uuid of one of the tenant's own. */
  readonly defaultRoles: readonly { readonly event: "member_added" | "team_created"; readonly role: string }[];
  readonly dns: { readonly zone: string; readonly provider: string };
  readonly tls: { readonly clusterIssuer: string; readonly required: boolean };
  readonly logs: { readonly tail: number };
  readonly metering: { readonly externalId: string };
}

/** Settings of tenants; who has no row has none. */
export const deploySettings = pgTable("deploy_settings", {
  tenant: text()
    .primaryKey()
    .references(() => tenants.login, { onDelete: "cascade" }),
  settings: jsonb().$type<DeploySettings>().notNull(),
  version: bigint({ mode: "number" }).notNull().default(1),
  updatedAt: timestamp({ withTimezone: true }).notNull(),
});
