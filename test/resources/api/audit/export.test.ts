import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { v7 as uuidv7 } from "uuid";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { openAuditExport } from "../../../../src/resources/api/audit/export.js";
import type { AuditRow } from "../../../../src/resources/api/audit/store.js";
import { as, startPlatform } from "../../../support/platform.js";
import { newName } from "../../support/clusters.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-audit-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const entry = (init: Partial<AuditRow> = {}): AuditRow => ({
  ...{ id: uuidv7(), at: new Date("2026-01-02T03:04:05.678Z"), requestId: "r", phase: "response", method: "/a.B/C" },
  ...{ user: "ada", tenant: "acme", project: null, sourceIp: "192.0.2.1", userAgent: "tool/1", body: null, code: 0 },
  ...init,
});

/** An export to a file, with the lines of its log and a clock that stands until it is told. */
function openAt(path: string) {
  const logged: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const clock = { ms: 0 };
  return { logged, clock, exported: openAuditExport({ path, log, clock: () => new Date(clock.ms) }) };
}

const linesOf = async (path: string): Promise<Record<string, unknown>[]> =>
  (await readFile(path, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describe("the exported audit log", () => {
  it("has a line of JSON for each record, in order, and is nobody else's to read", async () => {
    const path = join(directory, "audit.jsonl");
    const { exported, logged } = openAt(path);
    const first = entry({ body: '{"name":"a\\nb"}' });
    exported.append([first, entry({ code: null, phase: "request", user: null })]);
    exported.append(Array.from({ length: 1_000 }, (_, at) => entry({ requestId: `${at}` })));
    await exported.close();
    const lines = await linesOf(path);
    expect(lines[0]).toEqual({
      time: "2026-01-02T03:04:05.678Z",
      uuid: first.id,
      phase: "response",
      method: "/a.B/C",
      user: "ada",
      tenant: "acme",
      project: null,
      code: 0,
      source_ip: "192.0.2.1",
      user_agent: "tool/1",
      request_id: "r",
      body: { name: "a\nb" },
    });
    expect(lines[1]).toMatchObject({ phase: "request", code: null, user: null, body: null });
    expect(lines.slice(2).map(({ request_id }) => request_id)).toEqual(
      Array.from({ length: 1_000 }, (_, at) => `${at}`),
    );
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(logged).toEqual([]);
  });

  it("goes on in a new file when the old one was renamed and the process told", async () => {
    const path = join(directory, "audit.jsonl");
    const { exported } = openAt(path);
    exported.append([entry({ requestId: "before" })]);
    await expect.poll(() => linesOf(path).catch(() => [])).toHaveLength(1);
    await rename(path, `${path}.1`);
    exported.append([entry({ requestId: "meanwhile" })]);
    await expect.poll(() => linesOf(`${path}.1`)).toHaveLength(2);
    process.emit("SIGHUP", "SIGHUP");
    exported.append([entry({ requestId: "after" })]);
    await exported.close();
    expect(await linesOf(path)).toMatchObject([{ request_id: "after" }]);
    expect(await linesOf(`${path}.1`)).toMatchObject([{ request_id: "before" }, { request_id: "meanwhile" }]);
    expect(process.listeners("SIGHUP")).toEqual([]);
  });

  it("costs a line a minute when it cannot be written, and goes on when it can", async () => {
    const folder = join(directory, "missing");
    const path = join(folder, "audit.jsonl");
    const { exported, logged, clock } = openAt(path);
    exported.append([entry(), entry()]);
    await expect.poll(() => logged.length).toBe(1);
    expect(logged[0]).toMatchObject({ msg: "audit records not exported", path, records: 2, err: { code: "ENOENT" } });
    clock.ms = 59_999;
    exported.append([entry(), entry(), entry()]);
    await exported.settled();
    expect(logged).toHaveLength(1);
    clock.ms = 60_000;
    exported.append([entry()]);
    await expect.poll(() => logged.length).toBe(2);
    expect(logged[1]).toMatchObject({ records: 4 });
    await mkdir(folder);
    exported.append([entry({ requestId: "back" })]);
    await exported.close();
    expect(await linesOf(path)).toMatchObject([{ request_id: "back" }]);
    expect(logged).toHaveLength(2);
  });

  it("keeps no more than fits while the file is slow, and takes whole lines only", async () => {
    const path = join(directory, "audit.jsonl");
    const { exported, logged } = openAt(path);
    const body = JSON.stringify("x".repeat(1_000_000));
    exported.append(Array.from({ length: 40 }, () => entry({ body })));
    await exported.close();
    const lines = await linesOf(path);
    expect(lines).toHaveLength(16);
    expect(logged).toMatchObject([{ msg: "audit records not exported", records: 24 }]);
  });

  it("leaves what others wrote before", async () => {
    const path = join(directory, "audit.jsonl");
    await appendFile(path, '{"from":"yesterday"}\n');
    const { exported } = openAt(path);
    exported.append([entry()]);
    await exported.close();
    expect(await linesOf(path)).toMatchObject([{ from: "yesterday" }, { user: "ada" }]);
  });
});

it("the server exports what it recorded, with the tenants of projects", { timeout: 30_000 }, async () => {
  const path = join(directory, "audit.jsonl");
  const platform = await startPlatform({ background: false, env: { SLIPWAY_AUDIT_EXPORT_FILE: path } });
  try {
    const { project, tenant } = platform;
    await platform.client(ClusterService).create({ project, name: newName() }, as(platform.tokens.editor));
    await expect.poll(() => linesOf(path).catch(() => [])).toHaveLength(2);
    const common = { user: tenant, tenant, project, method: "/api.v1.ClusterService/Create" };
    const [request, response] = await linesOf(path);
    expect(request).toMatchObject({ ...common, phase: "request", body: { project } });
    expect(response).toMatchObject({ ...common, phase: "response", code: 0, uuid: request?.uuid });
  } finally {
    await platform.close();
  }
});
