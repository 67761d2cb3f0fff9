import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import {
  type Route,
  RouteService,
  type RouteServiceCreateRequestSchema,
  type RouteServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/route_pb.js";
import { ProcessKind } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import type { RouterSchema } from "../../../../gen/ts/deploy/v1/target_pb.js";
import type { TaskOptionsSchema } from "../../../../gen/ts/deploy/v1/task_pb.js";
import { asFields } from "../../../../src/kube/embedded/fields.js";
import type { KubeObject } from "../../../../src/kube/embedded/types.js";
import { as, type TestKube, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { demand } from "../works/site.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Partial<Plain<MessageInitShape<typeof RouteServiceCreateRequestSchema>>>;
type Change = Plain<MessageInitShape<typeof RouteServiceUpdateRequestSchema>>;
type Options = Plain<MessageInitShape<typeof TaskOptionsSchema>>;

let made = 0;

/** A hostname that nothing else of this test file has. */
export const newHostname = (domain = "example.org"): string => `h-${process.pid}-${++made}.${domain}`;

/** A router of nginx, which is the target's default unless told otherwise. */
export const router = (more: Plain<MessageInitShape<typeof RouterSchema>> = {}) => ({
  name: "public",
  ingressClass: "nginx",
  isDefault: true,
  ...more,
});

/** Processes of an image that listens. */
export const web = [{ name: "web", kind: ProcessKind.SERVICE, ports: [{ name: "http", port: 8080 }] }];

/** Routes of a tenant's project, called for by its owner unless told otherwise. */
export function routesOf(platform: TestPlatform, { project, tokens }: Pick<TestTenant, "project" | "tokens">) {
  const client = platform.client(RouteService);
  const owner = as(tokens.owner);
  const get = async (uuid: string, by = owner): Promise<Route> =>
    demand((await client.get({ project, uuid }, by)).route);
  return {
    client,
    project,
    owner,
    get,
    async create(deployment: string, order: Order = {}, by = owner) {
      const answer = await client.create({ project, deployment, hostname: newHostname(), ...order }, by);
      return { ...demand(answer.route), task: answer.task };
    },
    update: (uuid: string, change: Change, by = owner) => client.update({ project, uuid, ...change }, by),
    delete: (uuid: string, options: Options = {}, by = owner) => client.delete({ project, uuid, options }, by),
    traffic: (uuid: string, shares: Record<number, number>, options: Options = {}) =>
      client.setTraffic({ project, uuid, options, traffic: sharesOf(shares) }, owner),
    swap: (first: string, second: string, options: Options = {}) =>
      client.swap({ project, first, second, options }, owner),
    hostnames: async (filter: { environment?: string; deployment?: string; hostname?: string } = {}, by = owner) =>
      (await client.list({ project, ...filter }, by)).routes.map(({ hostname }) => hostname),
    until: (uuid: string, fits: object) =>
      expect.poll(() => get(uuid), { timeout: 60_000, interval: 20 }).toMatchObject(fits),
  };
}

const sharesOf = (shares: Record<number, number>) =>
  Object.entries(shares).map(([release, percent]) => ({ release: Number(release), percent }));

/** The Ingresses of a route in a cluster, the one of the active release first. */
export function ingressesOf({ embedded }: Pick<TestKube, "embedded">, route: string): KubeObject[] {
  return embedded.store
    .list({ group: "networking.k8s.io", resource: "ingresses" }, { labelSelector: `slipway.dev/route=${route}` })
    .sort((a, b) => a.metadata.name.length - b.metadata.name.length);
}

/** Where an Ingress leads: "NAMESPACE/SERVICE:PORT". */
export function goalOf(ingress: KubeObject | undefined): string {
  const [rule] = listOf(ingress?.spec?.rules);
  const [path] = listOf(asFields(asFields(rule).http).paths);
  const service = asFields(asFields(asFields(path).backend).service);
  const { number, name } = asFields(service.port);
  return `${ingress?.metadata.namespace}/${service.name}:${number ?? name}`;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
