import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HealthService, ServiceStatus } from "../../gen/ts/api/v1/health_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { VersionService } from "../../gen/ts/api/v1/version_pb.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import { logLines, type TestProcess } from "../support/process.js";
import { openSite, type Site, type TestServer, transportTo } from "./support/site.js";
import { openWire, type Wire } from "./support/wire.js";

if (postgresUrl === undefined) console.warn(`the test of a database that goes away ${needsPostgres}`);

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 });

describe.skipIf(postgresUrl === undefined)(`while PostgreSQL is away (${needsPostgres})`, { timeout: 60_000 }, () => {
  let site: Site;
  let wire: Wire;
  let server: TestServer;
  let worker: TestProcess;
  /** A server that still reaches the database. */
  let lucky: TestServer;

  beforeAll(async () => {
    site = await openSite({ timeScale: 50 });
    const direct = new URL(site.env.DATABASE_URL ?? "");
    wire = await openWire(Number(direct.port || 5432));
    const behind = new URL(direct);
    behind.port = String(wire.port);
    const env = { DATABASE_URL: behind.toString() };
    server = await site.serve(env);
    worker = await site.work(env);
    lucky = await site.serve();
  });
  afterAll(async () => {
    await site?.close();
    await wire?.close();
  });

  const editor = () => as(site.tokens.editor);
  const ready = async () => (await fetch(`${server.url}/readyz`)).status;
  const waitUntilReady = (wanted: 200 | 503) => until(async () => expect(await ready()).toBe(wanted));
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );

  async function create(name: string): Promise<string> {
    const { cluster } = await server.clusters.create({ project: site.project, name }, editor());
    return cluster?.uuid ?? "";
  }
  const succeeded = (id: string) =>
    until(async () => expect(await site.row(id)).toMatchObject({ statusState: "Succeeded" }));

  /** What every kind of call answers now. */
  function answers(): Promise<(Code | undefined)[]> {
    const projects = createClient(ProjectService, transportTo(server.url));
    const { project } = site;
    return Promise.all(
      [
        server.clusters.list({ project }, editor()),
        server.clusters.get({ project, uuid: crypto.randomUUID() }, editor()),
        server.clusters.create({ project, name: "never" }, editor()),
        projects.list({}, editor()),
      ].map(codeOf),
    );
  }

  function watch() {
    const stop = new AbortController();
    const told: string[] = [];
    const ended = (async () => {
      const options = { ...editor(), signal: stop.signal };
      for await (const { status } of server.clusters.watchStatus({ project: site.project }, options)) {
        told.push(`${status?.uuid} ${status?.state}`);
      }
    })().catch((error: unknown) => ConnectError.from(error).code);
    return { told, ended, stop: () => stop.abort() };
  }

  async function revoke(token: string): Promise<void> {
    const uuid = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")).jti;
    await createClient(TokenService, transportTo(lucky.url)).revoke({ uuid }, as(token));
  }

  test("calls answer UNAVAILABLE, and everything goes on afterwards", async () => {
    const before = await create("before");
    await succeeded(before);
    const stream = watch();
    await until(() => expect(stream.told).toContain(`${before} Succeeded`));
    expect(await codeOf(server.clusters.list({ project: site.project }, as(site.tokens.viewer)))).toBeUndefined();

    await wire.cut();
    for (let times = 0; times < 5; times += 1) {
      expect(await answers()).toEqual(Array(4).fill(Code.Unavailable));
    }
    await waitUntilReady(503);
    const health = createClient(HealthService, transportTo(server.url));
    await until(async () => expect((await health.get({})).health?.services[0]?.status).toBe(ServiceStatus.UNHEALTHY));
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    expect(await codeOf(createClient(VersionService, transportTo(server.url)).get({}))).toBeUndefined();
    await revoke(site.tokens.viewer);
    const { cluster } = await lucky.clusters.create({ project: site.project, name: "meanwhile" }, editor());
    const meanwhile = cluster?.uuid ?? "";

    await wire.restore();
    // A revoked token is never believed again, whatever was cached.
    await until(async () => {
      const code = await codeOf(server.clusters.list({ project: site.project }, as(site.tokens.viewer)));
      expect([Code.Unavailable, Code.Unauthenticated]).toContain(code);
      expect(code).toBe(Code.Unauthenticated);
    });
    await waitUntilReady(200);
    await succeeded(meanwhile);
    // A stream either lived on or told its reader to come back.
    const livedOn = until(() => expect(stream.told).toContain(`${meanwhile} Succeeded`)).then(() => "lived on");
    expect(["lived on", Code.Unavailable]).toContain(await Promise.race([stream.ended, livedOn]));
    stream.stop();
    await stream.ended;
  });

  test("a database that swallows everything does not hang the server", async () => {
    wire.freeze();
    const patient = codeOf(server.clusters.list({ project: site.project }, editor()));
    const hurried = await codeOf(server.clusters.list({ project: site.project }, { ...editor(), timeoutMs: 1_000 }));
    expect(hurried).toBe(Code.DeadlineExceeded);
    await waitUntilReady(503);
    await wire.restore();
    expect(await patient).toBe(Code.Unavailable);
    await waitUntilReady(200);
    await succeeded(await create("thawed"));
    const health = createClient(HealthService, transportTo(server.url));
    await until(async () => expect((await health.get({})).health?.services[0]?.status).toBe(ServiceStatus.HEALTHY));
  });

  test("no process has ended, and nothing counted as a defect", async () => {
    for (const each of [server.process, worker]) {
      expect(await Promise.race([each.exit, Promise.resolve("running")])).toBe("running");
      const internal = logLines(each.stderr).filter(({ code }) => code === "internal");
      expect(internal).toEqual([]);
    }
  });
});
