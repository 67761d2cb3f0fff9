import { and, asc, desc, eq, gt } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import type { Page } from "../../api/paging.js";
import { budgetAlerts, budgets } from "./table.js";

export type BudgetRow = typeof budgets.$inferSelect;
export type BudgetAlertRow = typeof budgetAlerts.$inferSelect;

export const budgetStore = {
  async get(db: Database, tenant: string): Promise<BudgetRow | undefined> {
    const [row] = await db.select().from(budgets).where(eq(budgets.tenant, tenant));
    return row;
  },

  /** Makes the tenant's budget or replaces it. */
  async set(db: Database, { tenant, ...facts }: BudgetRow): Promise<void> {
    await db
      .insert(budgets)
      .values({ tenant, ...facts })
      .onConflictDoUpdate({ target: budgets.tenant, set: facts });
  },

  /** Removes the tenant's budget; undefined when there was none. */
  async delete(db: Database, tenant: string): Promise<BudgetRow | undefined> {
    const [row] = await db.delete(budgets).where(eq(budgets.tenant, tenant)).returning();
    return row;
  },

  /** The budgets of tenants behind that one, by tenant. */
  list(db: Database, after: string, limit: number): Promise<BudgetRow[]> {
    return db.select().from(budgets).where(gt(budgets.tenant, after)).orderBy(asc(budgets.tenant)).limit(limit);
  },

  /** Gives alerts; answers those that had not been given before. */
  async alert(db: Database, alerts: readonly BudgetAlertRow[]): Promise<BudgetAlertRow[]> {
    if (alerts.length === 0) return [];
    return await db
      .insert(budgetAlerts)
      .values([...alerts])
      .onConflictDoNothing()
      .returning();
  },

  /** The alerts of a tenant in a billing period. */
  alertsIn(db: Database, tenant: string, period: Date): Promise<BudgetAlertRow[]> {
    const matches = and(eq(budgetAlerts.tenant, tenant), eq(budgetAlerts.period, period));
    return db.select().from(budgetAlerts).where(matches);
  },

  /** The alerts of a tenant, newest first: a page, and one more if there is. */
  alerts(db: Database, tenant: string, { limit, offset }: Page): Promise<BudgetAlertRow[]> {
    return db
      .select()
      .from(budgetAlerts)
      .where(eq(budgetAlerts.tenant, tenant))
      .orderBy(desc(budgetAlerts.createdAt), desc(budgetAlerts.id))
      .limit(limit + 1)
      .offset(offset);
  },
};
