import { eq } from "drizzle-orm";
import { expect } from "vitest";
import type { KubeClient } from "../../../../src/kube/client.js";
import { type KubeObject, namespaces, type ResourceType } from "../../../../src/kube/objects.js";
import { deployments } from "../../../../src/resources/deploy/deployment/table.js";
import { applyManifests, inventoryOf } from "../../../../src/resources/deploy/engine/apply.js";
import type { Manifest, ObjectOwner } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { environments } from "../../../../src/resources/deploy/environment/table.js";
import { targetNamespaces } from "../../../../src/resources/deploy/namespace/table.js";
import type { RuntimePace } from "../../../../src/resources/deploy/runtime/follow-target.js";
import { observeRuntime, usualPace } from "../../../../src/resources/deploy/runtime/observer.js";
import type { Scale, WholeRelease } from "../../../../src/resources/deploy/spec/content.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { deploymentTasks } from "../../../../src/resources/deploy/task/table.js";
import type { DeploymentRow } from "../../../../src/resources/deploy/task/work.js";
import type { TestPlatform, TestTenant } from "../../../support/platform.js";
import { release } from "../engine/releases.js";
import { newNamespace } from "../namespace/namespaces.js";

type Changes = Partial<typeof deployments.$inferInsert>;

/** Believes what it sees soon, so that tests need not wait. */
export const quickPace: RuntimePace = {
  ...usualPace,
  gatherMs: 5,
  restMs: 20,
  doubtMs: 300,
  backoff: { minMs: 20, maxMs: 200 },
};

/** Observes what runs on all targets until it is stopped. */
export function startRuntime({ platform }: TestPlatform, pace: RuntimePace = quickPace): () => Promise<void> {
  const end = new AbortController();
  const working = observeRuntime(platform, end.signal, pace);
  return async () => {
    end.abort();
    await working;
  };
}

/** A Namespace on a target in which deployments are. */
export interface Place {
  readonly environment: string;
  readonly target: string;
  readonly namespace: string;
  /** Name of the Namespace. */
  readonly name: string;
}

let made = 0;

/** Deployments whose rows and objects tests make themselves, so that no task works on them. */
export function runtimesOf(
  { platform: { db, newId, clock } }: TestPlatform,
  { project }: TestTenant,
  kube: KubeClient,
) {
  const row = async (id: string): Promise<DeploymentRow> => {
    const [found] = await db.select().from(deployments).where(eq(deployments.id, id));
    if (found === undefined) throw new Error("there is no such deployment");
    return found;
  };
  const change = async (id: string, changes: Changes): Promise<void> => {
    await db.update(deployments).set(changes).where(eq(deployments.id, id));
  };
  const owner = ({ id, objectName }: DeploymentRow, place: Place): ObjectOwner => ({
    deployment: id,
    project,
    objectName,
    namespace: place.name,
  });
  const until = async (id: string, fits: object): Promise<DeploymentRow> => {
    await expect.poll(() => row(id), { timeout: 60_000, interval: 20 }).toMatchObject(fits);
    return await row(id);
  };
  return {
    db,
    row,
    change,
    until,
    owner,
    /** A Namespace on a target, and an environment. */
    async place(target: string, name = newNamespace()): Promise<Place> {
      const now = clock();
      const stamps = { createdAt: now, updatedAt: now };
      const [environment, namespace] = [newId(), newId()];
      await db.insert(environments).values({ id: environment, project, name: newNamespace(), ...stamps });
      await db.insert(targetNamespaces).values({ id: namespace, project, target, name, state: "active", ...stamps });
      await kube.apply(namespaces, { metadata: { name } });
      return { environment, target, namespace, name };
    },
    /** A target that is there already and shows as connected; nobody observes it. */
    async target(kubeconfigSealed: string, changes: Partial<typeof targets.$inferInsert> = {}): Promise<string> {
      const now = clock();
      const id = newId();
      made += 1;
      await db.insert(targets).values({
        ...{ id, project, name: `target-${made}`, kubeconfigSealed, createdAt: now, updatedAt: now },
        ...{ connection: "connected" as const },
        ...changes,
      });
      return id;
    },
    /** A deployment that nothing is applied for. */
    async insert({ environment, target, namespace }: Place, changes: Changes = {}): Promise<DeploymentRow> {
      made += 1;
      const now = clock();
      const name = `app-${made}`;
      const row = { id: newId(), project, environment, target, namespace, name, objectName: name, kind: "web" };
      const rest = { phase: "idle" as const, createdAt: now, updatedAt: now };
      const [added] = await db
        .insert(deployments)
        .values({ ...row, ...rest, ...changes })
        .returning();
      if (added === undefined) throw new Error("no row was answered");
      return added;
    },
    /** Applies what a release has, and says so in the inventory before. */
    async apply(deployment: DeploymentRow, place: Place, what: WholeRelease = release(), scale: Scale = {}) {
      const input = {
        number: 1,
        release: what,
        scale,
        stopped: false,
        variants: [],
        secrets: new Map(),
        claims: new Map(),
      };
      const { first, releaseJobs, workloads } = engineOf(what).render({ ...input, owner: owner(deployment, place) });
      const all = [...first, ...releaseJobs, ...workloads];
      await change(deployment.id, { inventory: inventoryOf(place.target, all), scale });
      await applyManifests(kube, owner(deployment, place), all, AbortSignal.timeout(20_000));
      return all;
    },
    /** A task of a kind that runs, as if a worker had it. */
    async runningTask(deployment: string): Promise<void> {
      const now = clock();
      const later = new Date(now.getTime() + 3_600_000);
      await db.insert(deploymentTasks).values({
        ...{ id: newId(), project, deployment, kind: "restart", state: "running", actor: "system" },
        ...{ executeAt: now, createdAt: now, startedAt: now, leaseOwner: newId(), leaseUntil: later },
      });
    },
  };
}
export type Runtimes = ReturnType<typeof runtimesOf>;

/** The type of a manifest's object and where it is. */
export function placeOf(manifests: readonly Manifest[], kind: string) {
  const found = manifests.find(({ type }) => type.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  const { name, namespace } = found.object.metadata;
  return { type: found.type, place: { name, namespace }, object: found.object };
}

/** The pods of a deployment, whoever made them. */
export async function podsOf(kube: KubeClient, { name }: Place, { objectName }: DeploymentRow): Promise<KubeObject[]> {
  const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod" };
  const labelSelector = `app.kubernetes.io/instance=${objectName}`;
  return (await kube.list<KubeObject>(pods, { namespace: name, labelSelector })).items;
}
