import type { DescService } from "@bufbuild/protobuf";
import { Visibility } from "../gen/ts/api/v1/common_pb.js";
import type { Principals } from "./auth/principals.js";
import type { Caller } from "./caller.js";
import type { Config } from "./config.js";
import type { Methods, Platform } from "./platform.js";
import { createAuditWriter } from "./resources/api/audit/writer.js";
import { resources } from "./resources.js";
import type { AuditEntry } from "./rpc/audit.js";
import { decide } from "./rpc/authorize.js";
import type { Lifecycle } from "./rpc/drain.js";
import { policyOf } from "./rpc/method-options.js";
import { createHandler, type RpcServer } from "./rpc/server.js";

/** Every service of the API. */
export const services: readonly DescService[] = resources.map(({ service }) => service);

export type AppConfig = Pick<Config, "corsOrigins" | "trustedProxies" | "maxMessageBytes" | "rateLimit">;

/** A server of the API, and what to close when it ends. */
export interface App extends RpcServer {
  close(): Promise<void>;
}

/** Builds the server of the API: every resource behind the same interceptors. */
export function createApp(platform: Platform, principals: Principals, config: AppConfig, lifecycle: Lifecycle): App {
  const { log, clock, newId } = platform;
  const audit = createAuditWriter(platform.db, log);
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
    // Every tenant may consume until payment decides otherwise.
    admitted: async () => {},
    writeAudit: (entry) => audit.write(auditRow(entry)),
    log,
    clock,
    newId,
    lifecycle,
    limits: { readMaxBytes: config.maxMessageBytes, rateLimit: { calls: config.rateLimit, seconds: 1 } },
    corsOrigins: config.corsOrigins,
    trustedProxies: config.trustedProxies,
  });
  return { ...server, close: () => audit.close() };
}

/** The contract's methods, as resources see them. */
export function createMethods(): Methods {
  const policies = new Map(
    services.flatMap(({ methods }) => methods.map(policyOf)).map((policy) => [policy.path, policy]),
  );
  const outside = [...policies.values()].filter(({ visibility }) => visibility !== Visibility.PRIVATE);
  return {
    names: new Set(outside.map(({ path }) => path).sort()),
    admits(method, { project, tenant }) {
      const policy = policies.get(method);
      if (policy === undefined) return false;
      const { projectRoles, tenantRoles } = policy;
      return (!!project && projectRoles.includes(project)) || (!!tenant && tenantRoles.includes(tenant));
    },
    may(caller: Caller, method: string, subject: string) {
      const policy = policies.get(method);
      return policy !== undefined && decide(policy, caller, { project: subject, tenant: subject }).allowed;
    },
  };
}

function auditRow(entry: AuditEntry) {
  const { user, tenant, project, code, body } = entry;
  return {
    ...entry,
    user: user ?? null,
    tenant: tenant ?? null,
    project: project ?? null,
    code: code ?? null,
    body: body === undefined ? null : JSON.stringify(body),
  };
}
