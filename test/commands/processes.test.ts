import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ClusterService } from "../../gen/ts/api/v1/cluster_pb.js";
import { ProjectService } from "../../gen/ts/api/v1/project_pb.js";
import { TokenService } from "../../gen/ts/api/v1/token_pb.js";
import { VersionService } from "../../gen/ts/api/v1/version_pb.js";
import { needsPostgres, postgresUrl } from "../support/database.js";
import { as } from "../support/platform.js";
import { logLines } from "../support/process.js";
import { type Installation, install, type Served } from "./support/served.js";

if (postgresUrl === undefined) console.warn(`the test of several processes ${needsPostgres}`);

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 30_000, interval: 25 });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.skipIf(postgresUrl === undefined)(`slipway serve --processes (${needsPostgres})`, () => {
  let installation: Installation;
  let account: { token: string; project: string };

  beforeAll(async () => {
    installation = await install();
  });
  afterAll(() => installation?.close());

  test("what is wrong is said once", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const taken = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
    const run = (more: Record<string, string>) =>
      installation.processes.slipway(["serve", "--processes", "2"], { ...installation.env, ...more });
    for (const [env, message] of [
      [{ SLIPWAY_LISTEN: taken, SLIPWAY_METRICS_LISTEN: "127.0.0.1:0" }, `cannot listen on ${taken} (SLIPWAY_LISTEN)`],
      [{ SLIPWAY_METRICS_LISTEN: taken }, `cannot listen on ${taken} (SLIPWAY_METRICS_LISTEN)`],
      [{ KUBECONFIG: "/nowhere" }, "KUBECONFIG cannot be used: there is no kubeconfig at /nowhere"],
    ] as const) {
      const program = run(env);
      expect(await program.exit).toEqual({ code: 1, signal: null });
      const faults = program.stderr.split("\n").filter((line) => line.startsWith("slipway: "));
      expect(faults).toEqual([expect.stringContaining(message)]);
      expect(program.stdout).toBe("");
    }
    holder.close();
  }, 180_000);

  test("processes that start at once on a new database make one signing key", async () => {
    const { program } = await installation.serve(["--processes", "3"]);
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    const keys = installation.processes.slipway(["keys", "list"], installation.env);
    await keys.exit;
    expect(keys.stdout.trim().split("\n")).toEqual([expect.stringMatching(/signs$/)]);
  }, 180_000);

  describe("with two processes", () => {
    let served: Served;
    let first: Transport;
    let second: Transport;

    beforeAll(async () => {
      account = await installation.account("olga");
      served = await installation.serve([], {
        SLIPWAY_PROCESSES: "2",
        SLIPWAY_AUDIT_EXPORT_FILE: join(installation.directory, "audit.jsonl"),
      });
      const connections = await served.connections();
      expect([...connections.keys()].sort()).toEqual([1, 2]);
      [first, second] = [1, 2].map((number) => connections.get(number)) as [Transport, Transport];
    });

    test("a token that one revokes is refused by the other, which has just seen it", async () => {
      const { token, secret } = await createClient(TokenService, first).create(
        { description: "short-lived", expires: { seconds: 3_600n }, projectRoles: { [account.project]: 1 } },
        as(account.token),
      );
      const list = () => createClient(ProjectService, second).list({}, as(secret));
      await list();
      await createClient(TokenService, first).revoke({ uuid: token?.uuid ?? "" }, as(account.token));
      const error = await until(async () => {
        const refused = await list().then(() => undefined, ConnectError.from);
        expect(refused).toBeDefined();
        return refused;
      });
      expect(error?.code).toBe(Code.Unauthenticated);
    });

    test("a watch at one sees what the other changes", async () => {
      const { project } = account;
      const { cluster } = await createClient(ClusterService, first).create(
        { project, name: "seen" },
        as(account.token),
      );
      const uuid = cluster?.uuid ?? "";
      const end = new AbortController();
      const watch = createClient(ClusterService, second).watchStatus(
        { project, uuid },
        { ...as(account.token), signal: end.signal },
      );
      const states = watch[Symbol.asyncIterator]();
      expect((await states.next()).value?.status).toMatchObject({ type: "Create" });
      await createClient(ClusterService, first).delete({ project, uuid }, as(account.token));
      expect((await states.next()).value?.status).toMatchObject({ type: "Delete" });
      end.abort();
    });

    test("one scrape shows all processes, each with its number", async () => {
      const text = await (await fetch(served.metricsUrl)).text();
      for (const number of [1, 2]) {
        expect(text).toMatch(
          new RegExp(
            `^rpc_server_duration_count\\{process="${number}",rpc="/api.v1.VersionService/Get",code="ok"\\} `,
            "m",
          ),
        );
        expect(text).toMatch(new RegExp(`^process_resident_memory_bytes\\{process="${number}"\\} [1-9]`, "m"));
      }
      expect(text).toMatch(/^server_processes_serving\{process="primary"\} 2$/m);
      const types = text.split("\n").filter((line) => line.startsWith("# TYPE "));
      expect(types.length).toBe(new Set(types).size);
    });

    test("each process exports its audit records to a file of its own, and opens it anew at SIGHUP", async () => {
      const paths = [1, 2].map((number) => join(installation.directory, `audit.${number}.jsonl`));
      const callBoth = async () => {
        for (const way of [first, second]) {
          await createClient(ProjectService, way).update(
            { project: account.project, description: "audited" },
            as(account.token),
          );
        }
      };
      await callBoth();
      for (const path of paths) await until(async () => expect(await readFile(path, "utf8")).toContain('"olga"'));
      for (const path of paths) await rename(path, `${path}.old`);
      served.program.signal("SIGHUP");
      await until(async () => {
        await callBoth();
        for (const path of paths) expect(await readFile(path, "utf8")).toContain("ProjectService/Update");
      });
    });

    test("a process that is killed is replaced, and calls go on", async () => {
      const before = served.pids();
      const victim = before.get(2) ?? -1;
      process.kill(victim, "SIGKILL");
      // The other one goes on all the time.
      await createClient(VersionService, first).get({});
      await until(() => expect(served.pids().get(2)).not.toBe(victim));
      expect(served.pids().get(1)).toBe(before.get(1));
      const connections = await served.connections();
      expect([...connections.keys()].sort()).toEqual([1, 2]);
      for (const transport of connections.values()) {
        const { projects } = await createClient(ProjectService, transport).list({}, as(account.token));
        expect(projects.map(({ uuid }) => uuid)).toContain(account.project);
      }
      expect(await (await fetch(served.metricsUrl)).text()).toMatch(/^server_processes_ended_total\{.*\} 1$/m);
    });

    test("SIGTERM ends streams so that clients come back, lets calls finish, and leaves no process", async () => {
      const ended = createClient(ClusterService, first)
        .watchStatus({ project: account.project }, as(account.token))
        [Symbol.asyncIterator]();
      const over = (async () => {
        while (!(await ended.next()).done);
      })().catch(ConnectError.from);
      await until(async () => {
        const text = await (await fetch(served.metricsUrl)).text();
        expect(text).toMatch(/^rpc_server_active_streams\{.*WatchStatus.*\} 1$/m);
      });
      // As whoever ends a whole group does: everybody gets the signal.
      for (const pid of served.pids().values()) process.kill(pid, "SIGTERM");
      expect(await served.program.stop()).toEqual({ code: 0, signal: null });
      expect(await over).toMatchObject({ code: Code.Unavailable });
      for (const pid of served.pids().values()) expect(isAlive(pid)).toBe(false);
    });
  });

  test("processes that end again and again end the program, which says why", async () => {
    const kubeconfig = join(installation.directory, "fleeting");
    await writeFile(kubeconfig, await readFile(installation.env.KUBECONFIG ?? ""));
    const { program, pids } = await installation.serve(["--processes", "2"], { KUBECONFIG: kubeconfig });
    await rm(kubeconfig);
    for (const pid of pids().values()) process.kill(pid, "SIGKILL");
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.stderr).toMatch(
      /^slipway: process \d of the server ended again and again; .*KUBECONFIG cannot be used/m,
    );
    const pauses = logLines(program.stderr).flatMap(({ process, pauseMs }) => (process === 1 ? [pauseMs] : []));
    expect(pauses.filter((pause) => pause !== undefined).slice(0, 4)).toEqual([100, 200, 400, 800]);
  }, 180_000);

  test("no process outlives its primary", async () => {
    const { program, pids, url } = await installation.serve(["--processes", "2"]);
    await program.kill();
    await until(() => expect([...pids().values()].filter(isAlive)).toEqual([]));
    const gone = createClient(VersionService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" })).get({});
    expect(await gone.then(() => "answered", ConnectError.from)).toMatchObject({ code: Code.Unavailable });
  });
});
