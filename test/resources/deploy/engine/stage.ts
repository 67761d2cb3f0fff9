import { pino } from "pino";
import { expect } from "vitest";
import { type KubeClient, openKube } from "../../../../src/kube/client.js";
import { applyManifests } from "../../../../src/resources/deploy/engine/apply.js";
import type { Manifest, RenderInput } from "../../../../src/resources/deploy/engine/engine.js";
import { engineOf } from "../../../../src/resources/deploy/engine/engine-of.js";
import { type Inspection, inspect } from "../../../../src/resources/deploy/engine/inspect.js";
import type { HealthName } from "../../../../src/resources/deploy/engine/standing.js";
import { eventually, type Stage, startStage } from "../../../kube/embedded/workloads/support.js";

/** A server whose workloads are played, and a client for it. */
export interface EngineStage extends Stage {
  readonly client: KubeClient;
}

/** Starts it with engines for charts; close it at the end. */
export async function startEngineStage(): Promise<EngineStage> {
  const stage = await startStage({ timeScale: 400 });
  await eventually(async () => expect((await stage.send("GET", "/api/v1/namespaces/argocd")).code).toBe(200));
  const client = openKube({ kubeconfig: stage.adminKubeconfig, log: pino({ level: "silent" }) });
  return {
    ...stage,
    client,
    async close() {
      client.close();
      await stage.close();
    },
  };
}

/** The signal of a call that may take its time. */
export const soon = (): AbortSignal => AbortSignal.timeout(60_000);

/** All objects of an input, in the order in which they are applied. */
export function manifestsOf(input: RenderInput): Manifest[] {
  const { first, releaseJobs, workloads } = engineOf(input.release).render(input);
  return [...first, ...releaseJobs, ...workloads];
}

/** Applies all objects of an input. */
export async function apply({ client }: EngineStage, input: RenderInput): Promise<Manifest[]> {
  const manifests = manifestsOf(input);
  await applyManifests(client, input.owner, manifests, soon());
  return manifests;
}

/** How what was applied is now. */
export const look = (
  { client }: EngineStage,
  input: RenderInput,
  manifests = manifestsOf(input),
): Promise<Inspection> => inspect(client, input.owner, manifests, soon());

/** Waits until it is so, and answers how it is then. */
export async function reaches(stage: EngineStage, input: RenderInput, health: HealthName): Promise<Inspection> {
  let last: Inspection | undefined;
  await expect
    .poll(
      async () => {
        last = await look(stage, input);
        return last.health;
      },
      { timeout: 30_000, interval: 20 },
    )
    .toBe(health);
  if (last === undefined) throw new Error("nothing was looked at");
  return last;
}
