import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { vi } from "vitest";
import { ProjectService } from "../../../gen/ts/api/v1/project_pb.js";
import { VersionService } from "../../../gen/ts/api/v1/version_pb.js";
import { openTestDatabase, type TestDatabase } from "../../support/database.js";
import { as } from "../../support/platform.js";
import { logLines, type TestProcess, type TestProcesses, testProcesses } from "../../support/process.js";

/** Of a Kubernetes that never answers. */
const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{ name: none, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: none, user: { token: none } }]
contexts: [{ name: none, context: { cluster: none, user: none } }]
current-context: none
`;

/** A migrated database, and what programs on it need. */
export interface Installation {
  readonly database: TestDatabase;
  readonly directory: string;
  readonly processes: TestProcesses;
  readonly env: Readonly<Record<string, string>>;
  /** An operator's token, and the default project of the same user. */
  account(user: string): Promise<{ readonly token: string; readonly project: string }>;
  /** `slipway serve ARGS`, once it says that it serves. */
  serve(args: readonly string[], more?: Readonly<Record<string, string>>): Promise<Served>;
  close(): Promise<void>;
}

/** A running `slipway serve`. */
export interface Served {
  readonly url: string;
  readonly metricsUrl: string;
  readonly program: TestProcess;
  /** The process ids of its processes by their number, of those that serve or did. */
  pids(): ReadonlyMap<number, number>;
  /** A connection of its own to each process, by the number of the process. */
  connections(): Promise<ReadonlyMap<number, Transport>>;
}

/** Makes an installation on a new database of TEST_DATABASE_URL. */
export async function install(): Promise<Installation> {
  const processes = testProcesses();
  const directory = await mkdtemp(join(tmpdir(), "slipway-serve-"));
  const database = await openTestDatabase();
  const env = {
    DATABASE_URL: database.url ?? "",
    SLIPWAY_KEYRING: `only:${randomBytes(32).toString("base64")}`,
    SLIPWAY_LISTEN: "127.0.0.1:0",
    SLIPWAY_PUBLIC_URL: "http://slipway.test",
    SLIPWAY_DATABASE_POOL_SIZE: "6",
    SLIPWAY_SHUTDOWN_GRACE_SECONDS: "1",
    SLIPWAY_ADMIT_TENANTS: "automatic",
    KUBECONFIG: join(directory, "kubeconfig"),
  };
  await writeFile(env.KUBECONFIG, kubeconfig);
  const serve: Installation["serve"] = async (args, more = {}) => {
    const program = processes.slipway(["serve", ...args], { ...env, ...more });
    const { host, port, metrics } = await program.logged("serving");
    return served(program, `http://${host}:${port}`, `http://127.0.0.1:${metrics}/metrics`);
  };
  return {
    database,
    directory,
    processes,
    env,
    serve,
    async account(user) {
      const issued = processes.slipway(["issue-token", "--user", user, "--admin", "editor"], env);
      await issued.exit;
      const token = issued.stdout.trim();
      const { url, program } = await serve([]);
      const { projects } = await createClient(ProjectService, createGrpcTransport({ baseUrl: url })).list(
        {},
        as(token),
      );
      await program.stop();
      return { token, project: projects[0]?.uuid ?? "" };
    },
    async close() {
      await processes.killAll();
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function served(program: TestProcess, url: string, metricsUrl: string): Served {
  const pids = () => {
    const lines = logLines(program.stderr).filter(({ msg }) => msg === "process serving");
    return new Map(lines.map((line) => [Number(line.process), Number(line.pid)]));
  };
  return {
    url,
    metricsUrl,
    program,
    pids,
    async connections() {
      const found = new Map<number, Transport>();
      // They are dealt out in turn; a few more are tried, as others may come in between.
      for (let tries = 0; found.size < pids().size && tries < 20; tries += 1) {
        const transport = createGrpcTransport({ baseUrl: url });
        const process = await processBehind(program, transport);
        if (!found.has(process)) found.set(process, transport);
      }
      return found;
    },
  };
}

/** Which process answers on a connection, as its log says. */
async function processBehind(program: TestProcess, transport: Transport): Promise<number> {
  let request: string | null = null;
  const onHeader = (headers: Headers): void => {
    request = headers.get("x-request-id");
  };
  await createClient(VersionService, transport).get({}, { onHeader });
  return await vi.waitFor(() => {
    const line = logLines(program.stderr).find((each) => each.request === request);
    if (line === undefined) throw new Error("the call is not in the log yet");
    return Number(line.process);
  });
}

/** An interceptor that sends a token with each call. */
export const withToken =
  (token: string): Interceptor =>
  (next) =>
  (req) => {
    req.header.set("authorization", `Bearer ${token}`);
    return next(req);
  };
