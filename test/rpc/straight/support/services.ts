import { create } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { ClusterService, ClusterServiceWatchStatusResponseSchema } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { HealthService } from "../../../../gen/ts/api/v1/health_pb.js";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { callerOf } from "../../../../src/caller.js";
import { project } from "../../support/callers.js";
import { acts, blindActs, untellableActs, waitingActs } from "./acts.js";

/** What the handlers of one server saw and lived through. */
export interface Deeds {
  /** One entry for each handler that ran: all that its context told. */
  readonly seen: string[];
  /** How the signals of those calls ended, by request id. */
  readonly ends: string[];
  /** Handlers that ran by each way: a context of connect's handlers has a function `abort`, one of the straight path has none. */
  readonly ways: { straight: number; long: number };
  /** Contexts whose signals nobody has asked for yet. */
  readonly blind: HandlerContext[];
  /** Holds back the acts that wait for it. */
  gate: Promise<void>;
}

export function newDeeds(): Deeds {
  return { seen: [], ends: [], ways: { straight: 0, long: 0 }, blind: [], gate: Promise.resolve() };
}

/** How a signal ended, without what may differ from call to call. */
export function kindOf(reason: unknown): string {
  if (reason instanceof ConnectError) return `${reason.code} ${reason.rawMessage}`;
  return reason instanceof DOMException ? reason.name : `${typeof reason} ${String(reason)}`;
}

/** Services of the contract whose handlers do what the header x-act says. */
export function registerActing(router: ConnectRouter, deeds: Deeds): void {
  const act = async (name: string, context: HandlerContext): Promise<string> => {
    note(name, context, deeds);
    const told = allActs.get(actOf(context)) ?? (() => 0);
    return "x".repeat(await told(context, deeds.gate));
  };
  router.service(HealthService, {
    async get(_, context) {
      const message = await act("Health.Get", context);
      return { health: { services: [{ message }] } };
    },
  });
  router.service(TenantService, {
    async create({ tenant }, context) {
      const description = await act("Tenant.Create", context);
      return { tenant: { login: tenant?.login ?? "", description } };
    },
  });
  router.service(ClusterService, {
    async get({ uuid }, context) {
      const name = await act("Cluster.Get", context);
      return { cluster: { uuid, name: name + callerOf(context).user, project } };
    },
    async list(_, context) {
      const name = await act("Cluster.List", context);
      return { clusters: Array.from({ length: 30 }, (__, at) => ({ uuid: `cluster-${at}`, name, project })) };
    },
    async create({ name }, context) {
      return { cluster: { name: name + (await act("Cluster.Create", context)), project } };
    },
    async getCredentials(_, context) {
      return { kubeconfig: `hidden${await act("Cluster.GetCredentials", context)}` };
    },
    async *watchStatus(_, context) {
      const isEmpty = context.requestHeader.get("x-messages") === "none";
      if (!isEmpty) yield create(ClusterServiceWatchStatusResponseSchema, { status: { state: "first" } });
      const state = await act("Cluster.WatchStatus", context);
      if (!isEmpty) yield create(ClusterServiceWatchStatusResponseSchema, { status: { state } });
    },
  });
}

const allActs = new Map([...acts, ...waitingActs, ...untellableActs]);

const actOf = (context: HandlerContext): string => context.requestHeader.get("x-act") ?? "nothing";

function note(name: string, context: HandlerContext, deeds: Deeds): void {
  deeds.ways["abort" in context ? "long" : "straight"] += 1;
  const { method, service, requestMethod, protocolName, url, requestHeader } = context;
  const timeoutMs = context.timeoutMs();
  const isBlind = blindActs.has(actOf(context));
  const aborted = isBlind ? "not asked" : context.signal.aborted;
  // Of the time that is left only whether there is a bound, and whether it lies before now.
  const time = timeoutMs === undefined ? "none" : timeoutMs > 0 ? "some" : "over";
  const called = { method: method.name, service: service.typeName, requestMethod, protocolName, url, time, aborted };
  deeds.seen.push(JSON.stringify({ name, ...called, headers: [...requestHeader] }));
  if (isBlind) deeds.blind.push(context);
  else watch(context.signal, (kind) => deeds.ends.push(kind));
}

function watch(signal: AbortSignal, onEnd: (kind: string) => void): void {
  const end = () => onEnd(kindOf(signal.reason));
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
}
