import { and, eq, inArray, type SQL } from "drizzle-orm";
import type { Database } from "../../../db/database.js";
import { isUuid } from "../uuid.js";
import { projectMembers, projects } from "./table.js";

export type ProjectRow = typeof projects.$inferSelect;
export type ProjectMemberRow = typeof projectMembers.$inferSelect;

export const projectStore = {
  async insert(db: Database, row: typeof projects.$inferInsert): Promise<void> {
    await db.insert(projects).values(row);
  },

  /** A project; undefined too for an id that is no uuid. */
  async get(db: Database, id: string): Promise<ProjectRow | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await db.select().from(projects).where(eq(projects.id, id));
    return row;
  },

  /** The projects of that set which match, by tenant and name. */
  list(
    db: Database,
    ids: readonly string[],
    filter: { readonly name?: string | undefined; readonly tenant?: string | undefined },
  ): Promise<ProjectRow[]> {
    if (ids.length === 0) return Promise.resolve([]);
    const where: (SQL | undefined)[] = [
      inArray(projects.id, [...ids]),
      filter.name === undefined ? undefined : eq(projects.name, filter.name),
      filter.tenant === undefined ? undefined : eq(projects.tenant, filter.tenant),
    ];
    return db
      .select()
      .from(projects)
      .where(and(...where))
      .orderBy(projects.tenant, projects.name);
  },

  async defaultOf(db: Database, tenant: string): Promise<ProjectRow | undefined> {
    const [row] = await db
      .select()
      .from(projects)
      .where(and(eq(projects.tenant, tenant), eq(projects.isDefault, true)));
    return row;
  },

  members(db: Database, project: string): Promise<ProjectMemberRow[]> {
    return db.select().from(projectMembers).where(eq(projectMembers.project, project)).orderBy(projectMembers.member);
  },
};
