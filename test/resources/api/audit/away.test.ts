import { and, eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { clusters } from "../../../../src/resources/api/cluster/table.js";
import { openSite, type Site, type TestServer } from "../../../faults/support/site.js";
import { openWire, type Wire } from "../../../faults/support/wire.js";
import { needsPostgres, postgresUrl } from "../../../support/database.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";
import { codeOf } from "../../support/refusals.js";

describe("where audit records cannot be written", () => {
  let platform: TestPlatform;
  beforeAll(async () => {
    platform = await startPlatform({ background: false });
  });
  afterAll(() => platform.close());
  afterEach(() => db().execute(sql`drop trigger if exists refuse on audit_entries`));

  const db = () => platform.platform.db;
  const create = (name: string) =>
    codeOf(platform.client(ClusterService).create({ project: platform.project, name }, as(platform.tokens.editor)));
  const made = (name: string) => db().select({ id: clusters.id }).from(clusters).where(eq(clusters.name, name));
  const recorded = (name: string) =>
    db()
      .select({ phase: auditEntries.phase, code: auditEntries.code })
      .from(auditEntries)
      .where(sql`strpos(${auditEntries.body}, ${name}) > 0`)
      .orderBy(auditEntries.phase);

  /** Lets the table refuse the records of a phase. */
  async function refuse(phase: string): Promise<void> {
    await db().execute(sql`
      create or replace function refuse() returns trigger language plpgsql as $$
      begin raise exception 'no room'; end $$`);
    await db().execute(sql`
      create trigger refuse before insert on audit_entries for each row
      when (new.phase = ${sql.raw(`'${phase}'`)}) execute function refuse()`);
  }

  it("nothing is changed, and the refusal is recorded", async () => {
    const name = newName();
    await refuse("request");
    expect(await create(name)).toBe("Unavailable");
    expect(await made(name)).toEqual([]);
    await expect.poll(() => recorded(name)).toEqual([{ phase: "response", code: 14 }]);
    await db().execute(sql`drop trigger refuse on audit_entries`);
    expect(await create(name)).toBe("OK");
    expect(await made(name)).toHaveLength(1);
  });

  it("a call that is done stays done", async () => {
    const name = newName();
    await refuse("response");
    expect(await create(name)).toBe("OK");
    expect(await made(name)).toHaveLength(1);
    const lost = () => platform.lines.filter(({ msg }) => msg === "audit record lost");
    await expect.poll(() => lost().at(-1)).toMatchObject({ rpc: "/api.v1.ClusterService/Create" });
    expect(await recorded(name)).toEqual([{ phase: "request", code: null }]);
    expect(JSON.stringify(lost())).not.toContain(name);
  });
});

const title = `a server whose database is away for a while (${needsPostgres})`;
describe.skipIf(postgresUrl === undefined)(title, { timeout: 60_000 }, () => {
  let site: Site;
  let wire: Wire;
  let server: TestServer;
  beforeAll(async () => {
    site = await openSite({ timeScale: 50 });
    const behind = new URL(site.env.DATABASE_URL ?? "");
    wire = await openWire(Number(behind.port || 5432));
    behind.port = String(wire.port);
    server = await site.serve({ DATABASE_URL: behind.toString() });
  });
  afterAll(async () => {
    await site?.close();
    await wire?.close();
  });

  const create = (name: string) =>
    codeOf(server.clusters.create({ project: site.project, name }, as(site.tokens.editor)));
  const made = (name: string) => site.platform.db.select().from(clusters).where(eq(clusters.name, name));

  it("changes nothing meanwhile, and has a record of every attempt afterwards", async () => {
    expect(await create("before")).toBe("OK");
    await wire.cut();
    for (const name of ["never-1", "never-2", "never-3"]) expect(await create(name)).toBe("Unavailable");
    await wire.restore();
    const refusals = () =>
      site.platform.db
        .select({ body: auditEntries.body })
        .from(auditEntries)
        .where(and(eq(auditEntries.phase, "response"), eq(auditEntries.code, 14)))
        .orderBy(auditEntries.at);
    await expect
      .poll(async () => (await refusals()).map(({ body }) => JSON.parse(body ?? "{}").name), { timeout: 30_000 })
      .toEqual(["never-1", "never-2", "never-3"]);
    for (const name of ["never-1", "never-2", "never-3"]) expect(await made(name)).toEqual([]);
    await expect.poll(() => create("after"), { timeout: 30_000 }).toBe("OK");
    expect(await made("after")).toHaveLength(1);
  });
});
