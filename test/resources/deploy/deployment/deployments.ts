import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import { ConfigService } from "../../../../gen/ts/deploy/v1/config_pb.js";
import {
  type Deployment,
  DeploymentService,
  type DeploymentServiceCreateRequestSchema,
  type DeploymentServiceCreateResponse,
  type DeploymentServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { type Release, ReleaseService } from "../../../../gen/ts/deploy/v1/release_pb.js";
import type { ConfigPatchSchema } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { deploymentStore } from "../../../../src/resources/deploy/deployment/store.js";
import { activate } from "../../../../src/resources/deploy/deployment/works/activate.js";
import { capacityAfter } from "../../../../src/resources/deploy/deployment/works/capacity.js";
import { works } from "../../../../src/resources/deploy/deployment/works/works.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import { settleRelease } from "../../../../src/resources/deploy/release/settle.js";
import { releaseStore } from "../../../../src/resources/deploy/release/store.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { endTask } from "../../../../src/resources/deploy/task/end.js";
import { taskStore } from "../../../../src/resources/deploy/task/store.js";
import type { TaskEnd, TaskRow } from "../../../../src/resources/deploy/task/work.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { environmentsOf } from "../environment/environments.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
export type Order = Partial<Plain<MessageInitShape<typeof DeploymentServiceCreateRequestSchema>>>;
type Change = Plain<MessageInitShape<typeof DeploymentServiceUpdateRequestSchema>>;
export type Patch = Plain<MessageInitShape<typeof ConfigPatchSchema>>;

let made = 0;

/** A name that no other deployment of this test file has. */
export const newName = (prefix = "app"): string => `${prefix}-${++made}`;

/** An image of the registry, as a source. */
export const image = (reference: string, more: object = {}) =>
  ({ source: { case: "image", value: { image: `registry.example/${reference}`, ...more } } }) as const;

/** A chart of the registry, as a source. */
export const chart = (name: string, more: object = {}) =>
  ({ source: { case: "chart", value: { repository: "https://charts.example", name, ...more } } }) as const;

/** A change of the configuration that sets these variables. */
export const setting = (variables: Readonly<Record<string, string>>, sensitive = false): Patch => ({
  setVariables: Object.entries(variables).map(([name, value]) => ({ name, value, sensitive })),
});

/** Deployments of a tenant's project, on a target of which only the row is there: tests play its worker. */
export async function deploymentsOf(platform: TestPlatform, tenant: TestTenant) {
  const { project, tokens } = tenant;
  const owner = as(tokens.owner);
  const client = platform.client(DeploymentService);
  const releases = platform.client(ReleaseService);
  const configs = platform.client(ConfigService);
  const environments = environmentsOf(platform, tenant);
  const environment = (await environments.create({ isDefault: true })).uuid;
  const { db, clock, newId } = platform.platform;

  const namespaceOn = async (target: string): Promise<string> => {
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const row = { id: newId(), project, target, name: newName("ns"), state: "active", ...stamps } as const;
    await db.insert(targetNamespaces).values(row);
    return row.id;
  };
  const place = async (more: Partial<typeof targets.$inferInsert> = {}) => {
    const stamps = { createdAt: clock(), updatedAt: clock() };
    const target = newId();
    const seen = { connection: "connected", capabilities: { "helm.toolkit.fluxcd.io": "v2" } } as const;
    await db
      .insert(targets)
      .values({ id: target, project, name: newName("t"), kubeconfigSealed: "sealed", ...seen, ...stamps, ...more });
    return { target, namespace: await namespaceOn(target) };
  };
  const home = await place();

  const get = async (uuid: string, by = owner): Promise<Deployment> =>
    demand((await client.get({ project, deployment: uuid }, by)).deployment);
  const create = async (order: Order = {}, by = owner): Promise<DeploymentServiceCreateResponse & Made> => {
    const usual = { project, environment, ...home, name: newName(), source: image("shop:1") };
    const answer = await client.create({ ...usual, ...order }, by);
    return Object.assign(answer, { uuid: answer.deployment?.uuid ?? "" });
  };
  /** Ends the next task of a deployment as its worker would, but that nothing is applied anywhere. */
  const work = async (uuid: string, end: TaskEnd = "succeeded", message = ""): Promise<TaskRow | undefined> => {
    const [task] = await taskStore.openTasks(db, uuid);
    if (task === undefined) return undefined;
    return await db.transaction(async (tx) => {
      const deployment = demand(await deploymentStore.lockById(tx, uuid));
      const row = task.release === null ? undefined : await releaseStore.get(tx, uuid, task.release);
      if (row !== undefined && end === "succeeded") {
        await settleRelease(platform.platform, tx, deployment, row);
        const nothing = new Error("nothing is asked");
        const targets = {
          use: () => Promise.reject(nothing),
          hold: () => {
            throw nothing;
          },
        };
        await activate(
          { platform: platform.platform, targets },
          contextOf(task, deployment, (run) => run(tx, deployment)),
        );
      } else if (["scale", "start", "stop"].includes(task.kind) && end === "succeeded") {
        await deploymentStore.update(tx, uuid, capacityAfter(task, deployment));
      }
      return await endTask(tx, works(platform.platform), task, { end, message, steps: [], now: clock() });
    });
  };
  /** Settles the release of the next task of a deployment, as its first step does. */
  const begin = async (uuid: string): Promise<void> => {
    const [task] = await taskStore.openTasks(db, uuid);
    await db.transaction(async (tx) => {
      const deployment = demand(await deploymentStore.lockById(tx, uuid));
      const row = demand(await releaseStore.get(tx, uuid, task?.release ?? 0));
      await settleRelease(platform.platform, tx, deployment, row);
    });
  };
  /** Makes a deployment whose first release is active. */
  const running = async (order: Order = {}): Promise<string> => {
    const { uuid } = await create(order);
    await work(uuid);
    return uuid;
  };
  return {
    project,
    owner,
    environment,
    environments,
    home,
    place,
    namespaceOn,
    client,
    releases,
    configs,
    get,
    create,
    work,
    begin,
    running,
    update: (uuid: string, change: Change, by: CallOptions = owner) =>
      client.update({ project, deployment: uuid, ...change }, by),
    configure: (uuid: string, patch: Patch, options: Change["options"] = {}, by: CallOptions = owner) =>
      configs.update({ project, deployment: uuid, patch, options }, by),
    async config(uuid: string, release = 0): Promise<Record<string, string>> {
      const { configuration } = await configs.get({ project, deployment: uuid, release }, owner);
      return Object.fromEntries((configuration?.variables ?? []).map(({ name, value }) => [name, value]));
    },
    async release(uuid: string, number: number): Promise<Release> {
      return demand((await releases.get({ project, deployment: uuid, number }, owner)).release);
    },
    async releasesOf(uuid: string): Promise<Release[]> {
      return (await releases.list({ project, deployment: uuid }, owner)).releases;
    },
    tasks: (uuid: string) => taskStore.openTasks(db, uuid),
    row: async (uuid: string) => demand((await deploymentStore.byIds(db, [uuid]))[0]),
  };
}

interface Made {
  readonly uuid: string;
}

type Context = Parameters<typeof activate>[1];

function contextOf(task: TaskRow, deployment: Context["deployment"], write: Context["write"]): Context {
  return { task, deployment, since: new Date(), signal: new AbortController().signal, log: async () => {}, write };
}

export function demand<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing was answered");
  return value;
}
