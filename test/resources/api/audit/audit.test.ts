import { randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { TenantRole } from "../../../../gen/ts/api/v1/common_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../../../gen/ts/api/v1/token_pb.js";
import type { AuditRow } from "../../../../src/resources/api/audit/store.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

let calls = 0;

/** Makes a call under a request id of its own, and waits for what is recorded of it. */
async function recorded(
  call: (options: { headers: Record<string, string> }) => Promise<unknown>,
  token: string | undefined,
  phases: number,
): Promise<AuditRow[]> {
  const id = `audited-${++calls}`;
  const headers = { "x-request-id": id, "user-agent": "auditor", ...(token === undefined ? {} : as(token).headers) };
  await call({ headers: headers as Record<string, string> }).catch(() => {});
  const rows = () => platform.platform.db.select().from(auditEntries).where(eq(auditEntries.requestId, id));
  await expect.poll(async () => (await rows()).length, { timeout: 10_000 }).toBe(phases);
  return (await rows()).sort((a, b) => (a.phase < b.phase ? -1 : 1));
}

const clusters = () => platform.client(ClusterService);
const create = (init: object) => (options: object) =>
  clusters().create({ project: platform.project, name: newName(), ...init }, options);

describe("the audit log", () => {
  it("has both phases of a call, with the tenant of the project that it names", async () => {
    const rows = await recorded(create({}), platform.tokens.editor, 2);
    expect(rows).toMatchObject([
      { phase: "request", code: null, body: expect.stringContaining('"name"') },
      { phase: "response", code: 0, body: expect.stringContaining('"cluster"') },
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({
        method: "/api.v1.ClusterService/Create",
        user: platform.tenant,
        tenant: platform.tenant,
        project: platform.project,
        sourceIp: "127.0.0.1",
        userAgent: expect.stringContaining("auditor"),
      });
    }
  });

  it.each([
    ["denied", () => create({}), () => platform.tokens.viewer, 7, true],
    ["anonymous", () => create({}), () => undefined, 16, false],
    ["of a broken token", () => create({}), () => "broken", 16, false],
    ["invalid", () => create({ name: "-" }), () => platform.tokens.editor, 3, true],
  ])("has one entry of a call that is %s", async (_, call, token, code, known) => {
    const rows = await recorded(call(), token(), 1);
    expect(rows).toMatchObject([
      {
        phase: "response",
        code,
        user: known ? platform.tenant : null,
        tenant: platform.tenant,
        project: platform.project,
        body: expect.stringContaining(platform.project),
      },
    ]);
  });

  it("has both phases of a call that fails in its handler", async () => {
    const rows = await recorded(create({ partition: "nowhere" }), platform.tokens.editor, 2);
    expect(rows.map(({ code }) => code)).toEqual([null, 3]);
  });

  it.each(["no uuid", "' or true --", "a\u0000b", "🦩".repeat(30)])(
    "has calls on a project that is none: %j",
    async (project) => {
      const rows = await recorded(create({ project }), platform.tokens.editor, 1);
      expect(rows).toMatchObject([{ code: 7, tenant: null, project: project.replace("\u0000", "") }]);
    },
  );

  it("has calls with a name that is cut within a character", async () => {
    const rows = await recorded(create({ project: `x${"🦩".repeat(100)}` }), platform.tokens.editor, 1);
    expect(rows).toMatchObject([{ code: 7, project: `x${"🦩".repeat(63)}\ufffd…` }]);
  });

  it("has no secrets", async () => {
    let secret = "";
    const rows = await recorded(
      async (options) => {
        ({ secret } = await platform.client(TokenService).create({ description: "for the audit" }, options));
      },
      platform.tokens.owner,
      2,
    );
    expect(rows[1]?.body).toContain("for the audit");
    expect(rows[1]?.body).not.toContain("secret");
    expect(JSON.stringify(rows)).not.toContain(secret.split(".")[2]);
  });

  it("leaves out what only reads, where the contract says so", async () => {
    const read = (options: object) => clusters().list({ project: platform.project }, options);
    await recorded(read, platform.tokens.viewer, 0);
    // Entries are written in turn: one of a later call tells that there is none of the first.
    await recorded(create({}), platform.tokens.editor, 2);
    const rows = await platform.platform.db.select().from(auditEntries);
    expect(rows.filter(({ method }) => method === "/api.v1.ClusterService/List")).toEqual([]);
  });
});

it("is written while calls use up all connections of the pool", async () => {
  const { pool } = platform.database.server;
  const held = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
  try {
    const id = "in-a-full-house";
    await create({})({ headers: { "x-request-id": id } }).catch(() => {});
    const { auditDb } = platform.platform;
    const rows = () => auditDb.select().from(auditEntries).where(eq(auditEntries.requestId, id));
    await expect.poll(async () => (await rows()).map(({ code }) => code)).toEqual([16]);
  } finally {
    for (const client of held) client.release();
  }
});

it("has little of what is sent by callers whom nobody knows", async () => {
  const call = create({ project: "p".repeat(1_000), partition: "q".repeat(1_000) });
  const [known] = await recorded(call, platform.tokens.editor, 1);
  const [unknown] = await recorded(call, undefined, 1);
  expect(known?.body?.length).toBeGreaterThan(2_000);
  expect(unknown?.body?.length).toBeLessThan(1_200);
  expect(unknown?.body).toContain("pppp");
});

describe("a name of any length from anybody", () => {
  const project = (name: string) => (options: object) => clusters().create({ project: name, name: newName() }, options);
  const login = (name: string) => (options: object) =>
    platform.client(TenantService).invite({ login: name, role: TenantRole.VIEWER }, options);
  const sizes = [
    ["10 KB", 10_000],
    ["3 MB", 3_000_000],
  ] as const;
  const callers: [string, () => string | undefined, number][] = [
    ["anonymous", () => undefined, 16],
    ["a stranger", () => platform.tokens.owner, 7],
  ];
  const cases = sizes.flatMap(([size, length]) =>
    callers.flatMap(([caller, token, code]) => [
      [`project of ${size}, ${caller}`, project, length, token, code] as const,
      [`login of ${size}, ${caller}`, login, length, token, code] as const,
    ]),
  );

  it.each(cases)("%s: leaves short records, and takes nobody else's away", async (_, call, length, token, code) => {
    const others = Array.from({ length: 8 }, () => recorded(create({}), platform.tokens.editor, 2));
    const name = randomBytes(length / 2).toString("hex");
    const [row] = await recorded(call(name), token(), 1);
    expect(row).toMatchObject({ phase: "response", code });
    const kept = [row?.project ?? "", row?.tenant ?? ""].join("");
    expect(kept.length).toBeLessThanOrEqual(129);
    expect(name.startsWith(kept.slice(0, 128))).toBe(true);
    expect(kept).toHaveLength(129);
    expect(row?.body?.length).toBeLessThan(2_000);
    for (const rows of await Promise.all(others)) expect(rows.map(({ code: ended }) => ended)).toEqual([null, 0]);
    const lines = () => platform.lines.filter(({ msg, request }) => msg === "call" && request === row?.requestId);
    await expect.poll(() => lines().length).toBe(1);
    expect(JSON.stringify(lines()).length).toBeLessThan(1_000);
    expect(platform.lines.filter(({ msg }) => /audit/.test(msg))).toEqual([]);
  });
});
