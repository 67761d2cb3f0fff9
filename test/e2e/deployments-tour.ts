import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "vitest";
import { ConfigService } from "../../gen/ts/deploy/v1/config_pb.js";
import { type Deployment, DeploymentService } from "../../gen/ts/deploy/v1/deployment_pb.js";
import { EnvironmentService } from "../../gen/ts/deploy/v1/environment_pb.js";
import { NamespaceService, NamespaceState } from "../../gen/ts/deploy/v1/namespace_pb.js";
import { ReleaseService } from "../../gen/ts/deploy/v1/release_pb.js";
import { RouteService } from "../../gen/ts/deploy/v1/route_pb.js";
import { type LogLine, RuntimeService } from "../../gen/ts/deploy/v1/runtime_pb.js";
import { ConnectionState, TargetService } from "../../gen/ts/deploy/v1/target_pb.js";
import { type Task, TaskService, TaskState } from "../../gen/ts/deploy/v1/task_pb.js";
import { asFields, asList } from "../../src/kube/embedded/fields.js";
import type { TestPlatform } from "../support/platform.js";

const waiting = { timeout: 30_000, interval: 50 };

/** Ways to the server: what servers speak with each other, and what curl and browsers can. */
export const transports = [
  ["gRPC", ({ baseUrl, interceptors }: Way) => createGrpcTransport({ baseUrl, interceptors })],
  [
    "Connect with JSON over HTTP/1.1",
    ({ baseUrl, interceptors }: Way) =>
      createConnectTransport({ baseUrl, interceptors, httpVersion: "1.1", useBinaryFormat: false }),
  ],
] as const;

interface Way {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
}

/** How a task went, as it was told while it ran. */
export interface Followed {
  readonly task: Task;
  /** Each state once, in the order in which it was told. */
  readonly states: readonly TaskState[];
  readonly log: readonly string[];
}

/** What a command wrote, and how it ended. */
export interface CommandEnd {
  readonly output: string;
  readonly exitCode: number | undefined;
}

/** A new tenant's project, in which a tour begins with nothing; all goes over one transport. */
export async function openTour(platform: TestPlatform, open: (typeof transports)[number][1]) {
  const { project, tokens } = await platform.newTenant();
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${tokens.owner}`);
    return next(request);
  };
  const transport = open({ baseUrl: platform.url, interceptors: [authorize] });
  const client = <S extends DescService>(service: S): Client<S> => createClient(service, transport);
  const deployments = client(DeploymentService);
  const tasks = client(TaskService);
  const runtime = client(RuntimeService);
  const get = async (deployment: string): Promise<Deployment> =>
    demand((await deployments.get({ project, deployment })).deployment);

  /** Watches a task to its end. */
  async function follow(task: Task | undefined): Promise<Followed> {
    const states: TaskState[] = [];
    const log: string[] = [];
    let last: Task | undefined;
    for await (const answer of tasks.watch({ project, uuid: demand(task).uuid })) {
      last = demand(answer.task);
      if (states.at(-1) !== last.state) states.push(last.state);
      log.push(...answer.log.map(({ text }) => text));
    }
    return { task: demand(last), states, log };
  }

  return {
    project,
    deployments,
    runtime,
    configs: client(ConfigService),
    releases: client(ReleaseService),
    routes: client(RouteService),
    environments: client(EnvironmentService),
    targets: client(TargetService),
    namespaces: client(NamespaceService),
    get,
    follow,
    /** Watches a task to an end that is to be a good one. */
    async done(task: Task | undefined): Promise<Followed> {
      const followed = await follow(task);
      expect(followed.task, followed.log.join("\n")).toMatchObject({ state: TaskState.SUCCEEDED });
      return followed;
    },
    /** Watches a deployment until it fits; once it is told for the first time, something may be done. */
    async watch(deployment: string, fits: (seen: Deployment) => boolean, meanwhile?: () => Promise<unknown>) {
      const told: Deployment[] = [];
      for await (const answer of deployments.watch({ project, deployment })) {
        if (told.length === 0) await meanwhile?.();
        told.push(demand(answer.deployment));
        if (fits(demand(answer.deployment))) break;
      }
      return told;
    },
    /** A target for the Kubernetes behind the platform, and a namespace there, once both are ready. */
    async settle(routers: { name: string; ingressClass: string; domain: string }[]): Promise<string> {
      const targets = client(TargetService);
      const namespaces = client(NamespaceService);
      const source = { case: "kubeconfig", value: platform.kube.kubeconfig } as const;
      const made = demand((await targets.create({ project, name: "here", source, routers })).target);
      await expect
        .poll(async () => (await targets.get({ project, uuid: made.uuid })).target?.connection, waiting)
        .toBe(ConnectionState.CONNECTED);
      const name = `shop-${project.slice(-8)}`;
      const { namespace } = await namespaces.create({ project, target: made.uuid, name });
      const uuid = demand(namespace).uuid;
      await expect
        .poll(async () => (await namespaces.get({ project, uuid })).namespace?.state, waiting)
        .toBe(NamespaceState.ACTIVE);
      return name;
    },
    async run(deployment: string, ...command: string[]): Promise<CommandEnd> {
      const parts: Uint8Array[] = [];
      let exitCode: number | undefined;
      for await (const answer of runtime.runCommand({ project, deployment, command })) {
        parts.push(answer.stdout);
        exitCode = answer.exitCode;
      }
      return { output: Buffer.concat(parts).toString(), exitCode };
    },
    /** Follows logs until they have what is wanted; meanwhile something may be done. */
    async logs(deployment: string, enough: (lines: readonly LogLine[]) => boolean, meanwhile?: () => Promise<unknown>) {
      const lines: LogLine[] = [];
      let isDone = meanwhile === undefined;
      for await (const answer of runtime.streamLogs({ project, deployment, follow: true })) {
        lines.push(...answer.lines);
        if (!isDone) await meanwhile?.();
        isDone = true;
        if (enough(lines)) break;
      }
      return lines;
    },
  };
}

/** All that a tour can do. */
export type Tour = Awaited<ReturnType<typeof openTour>>;

/** To which Services the Ingresses of a namespace lead, by hostname. */
export function ingresses({ kube }: TestPlatform, namespace: string): Record<string, string> {
  const found = kube.embedded.store.list({ group: "networking.k8s.io", resource: "ingresses" }, { namespace });
  const rules = found.flatMap(({ spec }) => asList(asFields(spec).rules));
  return Object.fromEntries(
    rules.map(({ host, http }) => {
      const [path] = asList(asFields(http).paths);
      return [String(host), String(asFields(asFields(path?.backend).service).name)];
    }),
  );
}

/** What is there, or the test fails. */
export function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing was answered");
  return value;
}
