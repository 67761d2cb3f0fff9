import { eq } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { type DeploySettings, deploySettings } from "./table.js";

export type SettingsRow = typeof deploySettings.$inferSelect;

/** Lines of logs that are read of each instance where nobody says how many. */
const usualTail = 100;

/** What a tenant has set that has set nothing. */
export const noSettings: DeploySettings = {
  defaultRoles: [],
  dns: { zone: "", provider: "" },
  tls: { clusterIssuer: "", required: false },
  logs: { tail: 0 },
  metering: { externalId: "" },
};

/** The settings that hold for a tenant's deployments, with a tail of 100 lines where none is set. */
export async function settingsOf(db: Database, tenant: string): Promise<DeploySettings> {
  const { settings } = (await settingsStore.get(db, tenant)) ?? { settings: noSettings };
  return { ...settings, logs: { tail: settings.logs.tail || usualTail } };
}

/** What tenants have set; who has set nothing has no row. */
export const settingsStore = {
  async get(db: Database, tenant: string): Promise<SettingsRow | undefined> {
    const [row] = await db.select().from(deploySettings).where(eq(deploySettings.tenant, tenant));
    return row;
  },

  /** Writes the settings of a tenant that is locked. */
  async put(tx: Database, row: SettingsRow): Promise<SettingsRow> {
    const { settings, version, updatedAt } = row;
    await tx
      .insert(deploySettings)
      .values(row)
      .onConflictDoUpdate({ target: deploySettings.tenant, set: { settings, version, updatedAt } });
    return row;
  },
};
