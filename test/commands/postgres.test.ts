import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterService as AdminClusterService } from "../../gen/ts/admin/v1/cluster_pb.js";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { selfSigned } from "../rpc/support/certificate.js";
import { needsPostgres, openEmptyDatabase, postgresUrl, type TestDatabase } from "../support/database.js";
import { as } from "../support/platform.js";
import { type TestProcess, type TestProcesses, testProcesses } from "../support/process.js";

if (postgresUrl === undefined) console.warn(`the test of commands on PostgreSQL ${needsPostgres}`);

const newKeyring = (id: string): string => `${id}:${randomBytes(32).toString("base64")}`;

/** Of a Kubernetes that never answers. */
const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: none, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`;

describe.skipIf(postgresUrl === undefined)(`commands on PostgreSQL (${needsPostgres})`, () => {
  let database: TestDatabase;
  let processes: TestProcesses;
  let directory: string;
  let env: Record<string, string>;
  const keyring = newKeyring("first");

  beforeAll(async () => {
    processes = testProcesses();
    directory = await mkdtemp(join(tmpdir(), "slipway-commands-"));
    database = await openEmptyDatabase(postgresUrl ?? "");
    env = {
      DATABASE_URL: database.url ?? "",
      SLIPWAY_KEYRING: keyring,
      SLIPWAY_LISTEN: "127.0.0.1:0",
      SLIPWAY_PUBLIC_URL: "http://slipway.test",
      SLIPWAY_DATABASE_POOL_SIZE: "6",
      SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
      KUBECONFIG: join(directory, "kubeconfig"),
    };
    await writeFile(env.KUBECONFIG ?? "", kubeconfig);
  });
  afterAll(async () => {
    await processes?.killAll();
    await database?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const run = (args: readonly string[], more: NodeJS.ProcessEnv = {}) => processes.slipway(args, { ...env, ...more });

  /** What a command that fails says: one line, and nothing else. */
  async function complaint(process: TestProcess): Promise<string> {
    expect(await process.exit).toEqual({ code: 1, signal: null });
    expect(process.stdout).toBe("");
    const [, line] = /^slipway: ([^\n]+)\n$/.exec(process.stderr) ?? [];
    return line ?? `not one line: ${process.stderr}`;
  }

  test("serve, worker and issue-token refuse a database that is behind", async () => {
    for (const args of [["serve"], ["worker"]]) {
      expect(await complaint(run(args))).toMatch(/^the database lacks \d+ migrations \(.+\): run slipway migrate$/);
    }
    expect(await complaint(run(["issue-token", "--user", "root"]))).toMatch(/run slipway migrate$/);
  });

  test("migrate may run four times at once, and again", async () => {
    const exits = await Promise.all([1, 2, 3, 4].map(() => run(["migrate"]).exit));
    expect(exits).toEqual(Array(4).fill({ code: 0, signal: null }));
    const { rows } = await database.server.pool.query<{ n: number }>(
      "select count(*)::int as n from drizzle.__drizzle_migrations",
    );
    const again = run(["migrate"]);
    expect(await again.exit).toEqual({ code: 0, signal: null });
    const after = await database.server.pool.query("select count(*)::int as n from drizzle.__drizzle_migrations");
    expect(after.rows).toEqual(rows);
    expect(rows[0]?.n).toBeGreaterThan(0);
  });

  test("issue-token makes the first operator, whose token works at serve", async () => {
    const created = run(["issue-token", "--user", "root", "--admin", "editor", "--expires", "600"]);
    expect(await created.exit).toEqual({ code: 0, signal: null });
    const secret = created.stdout.trim();
    expect(created.stdout).toBe(`${secret}\n`);
    expect(created.stderr).not.toContain(secret);
    // As it was called before users had a token create of their own.
    const plain = run(["token", "create", "--user", "someone"]);
    await plain.exit;
    const server = run(["serve"]);
    const { host, port } = await server.logged("serving");
    const transport = createConnectTransport({ baseUrl: `http://${String(host)}:${String(port)}`, httpVersion: "1.1" });
    const operators = createClient(AdminClusterService, transport);
    expect((await operators.list({}, as(secret))).clusters).toEqual([]);
    const someone = as(plain.stdout.trim());
    const refused = await operators.list({}, someone).catch(ConnectError.from);
    expect(refused).toMatchObject({ code: Code.PermissionDenied });
    // With the token come a tenant and its default project, so that clusters can be ordered at once.
    const { projects } = await createClient(ProjectService, transport).list({}, someone);
    expect(projects).toMatchObject([{ tenant: "someone", name: "default", isDefaultProject: true }]);
    const order = { project: projects[0]?.uuid ?? "", name: "first" };
    const { cluster } = await createClient(ClusterService, transport).create(order, someone);
    expect(cluster?.status).toMatchObject({ type: "Create", state: "Pending" });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  test("a kubeconfig that cannot be used is named, with its setting", async () => {
    await writeFile(join(directory, "garbage"), "no: context");
    for (const [name, reason] of [
      ["none", "there is no kubeconfig"],
      ["garbage", "no current context"],
    ]) {
      for (const command of ["serve", "worker"]) {
        const line = await complaint(run([command], { KUBECONFIG: join(directory, name ?? "") }));
        expect(line).toContain("KUBECONFIG cannot be used: ");
        expect(line).toContain(reason);
      }
    }
  });

  test("a keyring that does not fit the database is refused, by its id or by its key", async () => {
    const of = (id: string) => ({ SLIPWAY_KEYRING: newKeyring(id) });
    const misfit = /^SLIPWAY_KEYRING does not fit the database/;
    for (const args of [["serve"], ["worker"], ["token", "create", "--user", "root"]]) {
      expect(await complaint(run(args, of("second")))).toMatch(misfit);
    }
    const line = await complaint(run(["serve"], of("first")));
    expect(line).toMatch(misfit);
    expect(line).not.toContain(keyring.split(":")[1]);
  });

  test("a key in front of the old one fits", async () => {
    const server = run(["serve"], { SLIPWAY_KEYRING: `${newKeyring("second")},${keyring}` });
    await server.logged("serving");
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  test("an address that is taken is named, with its setting", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as AddressInfo;
    const taken = `127.0.0.1:${port}`;
    expect(await complaint(run(["serve"], { SLIPWAY_LISTEN: taken, SLIPWAY_METRICS_LISTEN: "127.0.0.1:0" }))).toBe(
      `cannot listen on ${taken} (SLIPWAY_LISTEN): another process does already`,
    );
    expect(await complaint(run(["worker"], { SLIPWAY_METRICS_LISTEN: taken }))).toBe(
      `cannot listen on ${taken} (SLIPWAY_METRICS_LISTEN): another process does already`,
    );
    holder.close();
  });

  test("serves TLS with the files of the environment, and names those that are wrong", async () => {
    const { cert, key } = await selfSigned();
    const files = {
      SLIPWAY_TLS_CERT_FILE: join(directory, "cert.pem"),
      SLIPWAY_TLS_KEY_FILE: join(directory, "key.pem"),
    };
    expect(await complaint(run(["serve"], files))).toMatch(/^SLIPWAY_TLS_(CERT|KEY)_FILE cannot be read: ENOENT/);
    await writeFile(files.SLIPWAY_TLS_CERT_FILE, cert);
    await writeFile(files.SLIPWAY_TLS_KEY_FILE, "no key");
    expect(await complaint(run(["serve"], files))).toMatch(
      /^SLIPWAY_TLS_CERT_FILE and SLIPWAY_TLS_KEY_FILE do not hold a certificate and its key/,
    );
    await writeFile(files.SLIPWAY_TLS_KEY_FILE, key);
    const server = run(["serve"], files);
    const { port } = await server.logged("serving");
    const status = await new Promise((resolve, reject) => {
      get({ host: "127.0.0.1", port: Number(port), path: "/livez", ca: cert, servername: "localhost" }, (response) =>
        resolve(response.resume().statusCode),
      ).once("error", reject);
    });
    expect(status).toBe(200);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  test("a database that cannot be used is named without its password", async () => {
    const url = new URL(database.url ?? "");
    url.password = "hunter2";
    url.pathname = "/nowhere";
    for (const args of [["serve"], ["worker"], ["migrate"], ["token", "create", "--user", "root"]]) {
      expect(await complaint(run(args, { DATABASE_URL: url.toString() }))).toBe(
        'the database of DATABASE_URL cannot be used: database "nowhere" does not exist',
      );
    }
  });
});
