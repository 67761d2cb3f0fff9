import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  ClusterService,
  type ClusterServiceWatchStatusResponse,
  ClusterServiceWatchStatusResponseSchema,
} from "../../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../../gen/ts/api/v1/health_pb.js";
import { TenantService } from "../../../gen/ts/api/v1/tenant_pb.js";
import { TokenService } from "../../../gen/ts/api/v1/token_pb.js";
import { callerOf } from "../../../src/caller.js";
import { DomainError } from "../../../src/errors.js";
import { project } from "./callers.js";

/** What the handlers of the tests did, and what they shall do. */
export interface Script {
  /** Names of the handlers that ran. */
  readonly ran: string[];
  /** Thrown by ClusterService.Get, by the uuid that is asked for. */
  readonly failures: Map<string, () => unknown>;
  /** Signals of the watches that were opened. */
  readonly watches: AbortSignal[];
  /** Resolved by tests that hold back ClusterService.List. */
  held: Promise<void>;
}

export function newScript(): Script {
  return { ran: [], failures: new Map(), watches: [], held: Promise.resolve() };
}

/** A few services of the contract with handlers that tests can steer. */
export function registerServices(router: ConnectRouter, script: Script): void {
  router.service(HealthService, { get: () => ({ health: {} }) });
  router.service(TokenService, {
    list: (_, context) => ({ tokens: [{ userId: callerOf(context).user }] }),
    create: () => ({ token: { description: "made" }, secret: "very-secret" }),
  });
  router.service(TenantService, {
    create: ({ tenant }) => {
      script.ran.push("TenantService.Create");
      return { tenant: { login: tenant?.login ?? "" } };
    },
    createOrUpdate: () => {
      script.ran.push("TenantService.CreateOrUpdate");
      return {};
    },
  });
  router.service(ClusterService, {
    async get({ uuid }) {
      script.ran.push("ClusterService.Get");
      const failure = script.failures.get(uuid);
      if (failure !== undefined) throw failure();
      return { cluster: { uuid, name: "one", project } };
    },
    async list(_, { signal }) {
      await script.held;
      signal.throwIfAborted();
      return { clusters: Array.from({ length: 400 }, (__, at) => ({ uuid: `cluster-${at}`, name: "one", project })) };
    },
    create: ({ name }) => {
      script.ran.push("ClusterService.Create");
      if (name === "taken") throw new DomainError("exists", "a cluster of this name exists");
      return { cluster: { name, project } };
    },
    getCredentials: () => ({ kubeconfig: "client-key-data: hidden" }),
    watchStatus({ uuid }, { signal }) {
      script.ran.push("ClusterService.WatchStatus");
      script.watches.push(signal);
      return uuid === undefined ? endless() : short();
    },
  });
}

function status(state: string): ClusterServiceWatchStatusResponse {
  return create(ClusterServiceWatchStatusResponseSchema, { status: { state } });
}

async function* short() {
  yield status("Processing");
  yield status("Succeeded");
}

// Looks at no signal: the server has to end it.
async function* endless() {
  yield status("Processing");
  await new Promise(() => {});
}
