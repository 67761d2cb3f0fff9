// The API's whole chain before a ClusterService whose handlers answer from memory: what comes before and after a
// handler, and nothing of what a handler does.
import { randomBytes } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { ClusterService, ClusterServiceGetResponseSchema } from "../../gen/ts/api/v1/cluster_pb.js";
import { auditRow } from "../../src/audit-row.js";
import { openLog } from "../../src/commands/log.js";
import { loadConfig } from "../../src/config.js";
import { openPostgres } from "../../src/db/database.js";
import { openEmbedded } from "../../src/db/embedded.js";
import { migrate } from "../../src/db/migrate.js";
import { openPlatform } from "../../src/process.js";
import { startMetricsServer } from "../../src/processes/metrics-server.js";
import { createAuditWriter } from "../../src/resources/api/audit/writer.js";
import { ensurePersonalTenant } from "../../src/resources/api/tenant/personal.js";
import { createLifecycle } from "../../src/rpc/drain.js";
import { listen } from "../../src/rpc/listen.js";
import { createHandler } from "../../src/rpc/server.js";
import { issueOwnerToken, nowhereKubeconfig } from "../tenant.js";
import { given, ready } from "./ipc.js";

const { databaseUrl, dataDir, answer } = given<{ databaseUrl?: string; dataDir: string; answer: string }>();

// As `slipway serve` logs, to standard error.
const log = await openLog({ logLevel: "info" });
const timeouts = { connectTimeoutMs: 10_000, statementTimeoutMs: 10_000 };
const server =
  databaseUrl === undefined
    ? await openEmbedded({ directory: dataDir, log })
    : openPostgres({ url: databaseUrl, poolSize: 5, applicationName: "bench", ...timeouts, log });
await migrate(server, log);
const config = loadConfig({ SLIPWAY_KEYRING: `bench:${randomBytes(32).toString("base64")}` });
const issuer = () => "https://bench.example";
const { platform, principals } = await openPlatform({ ...config, server, log, issuer, kubeconfig: nowhereKubeconfig });
const { db, clock, newId } = platform;
const project = await ensurePersonalTenant(db, "bench", { now: clock(), newId, admitted: true });
const token = await issueOwnerToken(platform, "bench");

const response = fromBinary(ClusterServiceGetResponseSchema, Buffer.from(answer, "base64"));
if (response.cluster === undefined) throw new Error("there is no cluster to answer with");
const { cluster } = response;
cluster.project = project;
const audit = createAuditWriter(platform.auditDb);
await startMetricsServer({ host: "127.0.0.1", port: 0 });
const { handler } = createHandler({
  routes(router) {
    // A message of its own for each answer, as from a row of the database: nothing can be remembered of an earlier one.
    router.service(ClusterService, { get: () => ({ ...response, cluster: { ...cluster } }) });
  },
  authenticate: (secret) => principals.authenticate(secret),
  refresh: (secret) => principals.refresh(secret),
  watchCaller: (caller, onOutdated) => principals.watch(caller, onOutdated),
  admitted: (subject) => platform.standings.demand(subject),
  writeAudit: (entry, options) => audit.write(auditRow(entry), options),
  log,
  clock,
  newId,
  lifecycle: createLifecycle(),
  limits: { rateLimit: { calls: 0, seconds: 1 }, tokenRateLimit: { calls: 0, seconds: 1 } },
});
const { port } = await listen(handler, { host: "127.0.0.1", port: 0 });
ready({ port, token, project });
