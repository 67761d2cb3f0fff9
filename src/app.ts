import type { DescService } from "@bufbuild/protobuf";
import { auditRow } from "./audit-row.js";
import { browserSessionRoutes } from "./auth/browser-session/routes.js";
import { keyRoutes } from "./auth/key-routes.js";
import type { Principals } from "./auth/principals.js";
import { signInRoutes } from "./auth/sign-in/routes.js";
import type { Config } from "./config.js";
import { consoleServing } from "./console/serving.js";
import { invoiceRoutes } from "./invoice-routes.js";
import { openApiRoutes } from "./openapi-routes.js";
import type { Platform } from "./platform.js";
import { openAuditExport } from "./resources/api/audit/export.js";
import { type AuditWriter, createAuditWriter } from "./resources/api/audit/writer.js";
import { resources } from "./resources.js";
import type { WriteAudit } from "./rpc/audit.js";
import type { Lifecycle } from "./rpc/drain.js";
import type { HttpRoute } from "./rpc/http-routes.js";
import { createHandler, type RpcServer } from "./rpc/server.js";
import { stripeRoutes } from "./stripe-routes.js";

/** Every service of the API. */
export const services: readonly DescService[] = resources.map(({ service }) => service);

/** What is served over plain HTTP beside the services. */
const plainRoutes: readonly ((platform: Platform, writeAudit: WriteAudit) => readonly HttpRoute[])[] = [
  keyRoutes,
  signInRoutes,
  invoiceRoutes,
  stripeRoutes,
  openApiRoutes,
];

export type AppConfig = Pick<
  Config,
  | "corsOrigins"
  | "console"
  | "trustedProxies"
  | "maxMessageBytes"
  | "rateLimit"
  | "tokenRateLimit"
  | "anonymousStreams"
  | "anonymousStreamsPerNetwork"
  | "tokenStreams"
  | "logReadsOneIn"
>;

/** A server of the API, and what to close when it ends. */
export interface App extends RpcServer {
  close(): Promise<void>;
}

/** Builds the server of the API: every resource behind the same interceptors. */
export function createApp(platform: Platform, principals: Principals, config: AppConfig, lifecycle: Lifecycle): App {
  const { log, clock, newId } = platform;
  const audit = openAuditLog(platform);
  const writeAudit: WriteAudit = (entry, options) => audit.write(auditRow(entry), options);
  const server = createHandler({
    routes(router) {
      for (const { service, register } of resources) {
        if (register === undefined) router.service(service, {});
        else register(router, platform);
      }
    },
    authenticate: (token) => principals.authenticate(token),
    refresh: (token) => principals.refresh(token),
    watchCaller: (caller, onOutdated) => principals.watch(caller, onOutdated),
    admitted: (subject) => platform.standings.demand(subject),
    writeAudit,
    log,
    clock,
    newId,
    lifecycle,
    limits: {
      readMaxBytes: config.maxMessageBytes,
      rateLimit: { calls: config.rateLimit, seconds: 1 },
      tokenRateLimit: { calls: config.tokenRateLimit, seconds: 1 },
      anonymousStreams: config.anonymousStreams,
      anonymousStreamsPerNetwork: config.anonymousStreamsPerNetwork,
      tokenStreams: config.tokenStreams,
    },
    corsOrigins: config.corsOrigins,
    trustedProxies: config.trustedProxies,
    logReadsOneIn: config.logReadsOneIn,
    ...plainHttp(platform, writeAudit, config),
  });
  return { ...server, close: () => audit.close() };
}

/** What is served beside the services; the console and its sessions only where it is on. */
function plainHttp(platform: Platform, writeAudit: WriteAudit, config: AppConfig) {
  const routes = plainRoutes.flatMap((routesOf) => routesOf(platform, writeAudit));
  if (!config.console) return { httpRoutes: routes };
  const web = consoleServing(platform);
  // The first that fits is taken, and "session" is no provider.
  const httpRoutes = [...browserSessionRoutes(platform, writeAudit), ...routes, ...web.routes];
  return { httpRoutes, httpFallback: web.fallback };
}

function openAuditLog({ auditDb, log, clock, settings }: Platform): AuditWriter {
  const path = settings.auditExportFile;
  if (path === undefined) return createAuditWriter(auditDb);
  const exported = openAuditExport({ path, log, clock });
  const writer = createAuditWriter(auditDb, exported.append);
  return {
    write: writer.write,
    async close() {
      await writer.close();
      await exported.close();
    },
  };
}
