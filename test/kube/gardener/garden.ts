import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { vi } from "vitest";
import { type KubeClient, openKube } from "../../../src/kube/client.js";
import { simulatorSettings } from "../../../src/kube/embedded/gardener/settings.js";
import { gardenerSimulator } from "../../../src/kube/embedded/gardener/simulator.js";
import { startEmbeddedKube } from "../../../src/kube/embedded/server.js";
import { gardenerBackend } from "../../../src/resources/api/cluster/gardener.js";
import { gardenerProjectName } from "../../../src/resources/api/cluster/gardener-shoot.js";
import { type Shoot, shoots } from "../../../src/resources/api/cluster/gardener-types.js";
import type { ClusterObservation, ClusterSpec } from "../../../src/resources/api/cluster/kube.js";

export const log = pino({ enabled: false });
export const partition = "eqx-mu4";
export const project = "6f0c2f0e-7f0b-4f0e-9b39-0c8d2f1a0002";
export const namespace = `garden-${gardenerProjectName(project)}`;
export const signal = new AbortController().signal;

export const settings = { region: "muc", ...simulatorSettings };

/** Waits for what the simulator brings about. */
export const until = <R>(check: () => R | Promise<R>): Promise<R> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 });

const gigabyte = 1024 ** 3;

/** A cluster as a test wants it; the name decides on the uuid. */
export function clusterSpec(name: string, changes: Partial<ClusterSpec> = {}): ClusterSpec {
  return {
    id: `6f0c2f0e-7f0b-4f0e-9b39-${Buffer.from(name.padEnd(6)).toString("hex").slice(0, 12)}`,
    name,
    project,
    tenant: "alice",
    partition,
    kubernetesVersion: "1.32.4",
    workers: [
      { name: "default", machineType: "n1-medium-x86", minSize: 2, maxSize: 3, maxSurge: 0, maxUnavailable: 0 },
    ],
    maintenance: {
      kubernetesAutoupdate: true,
      machineImageAutoupdate: true,
      begin: new Date("2026-01-01T22:00:00Z"),
      durationSeconds: 7200,
    },
    ...changes,
  };
}

/** An embedded API server with a simulated Gardener, and Slipway's adapter on it. */
export async function startGarden(options: { timeScale?: number; directory?: string; port?: number } = {}) {
  const simulator = gardenerSimulator({
    timeScale: options.timeScale ?? 200,
    regions: [{ name: "muc", zones: [partition] }],
    kubernetesVersions: [
      { version: "1.31.9" },
      { version: "1.32.4" },
      { version: "1.32.6" },
      { version: "1.33.2" },
      { version: "1.34.1" },
      { version: "1.30.1", expiration: new Date("2025-01-01T00:00:00Z") },
    ],
    machineTypes: [{ name: "n1-medium-x86", cpus: 8, memory: 32 * gigabyte }],
  });
  const embedded = await startEmbeddedKube({
    ...(options.directory === undefined ? {} : { directory: options.directory }),
    ...(options.port === undefined ? {} : { port: options.port }),
    extensions: simulator.extensions,
  });
  const running = await simulator.start(embedded);
  const client = openKube({ kubeconfig: embedded.adminKubeconfig, log });
  const backend = gardenerBackend({ client, partition, settings, log });
  const closeServer = async () => {
    await running.stop();
    await embedded.close();
  };
  return {
    embedded,
    client,
    backend,
    closeServer,
    async close() {
      client.close();
      await closeServer();
    },
  };
}

export type Garden = Awaited<ReturnType<typeof startGarden>>;

/** A directory that is removed with `close`. */
export async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "slipway-garden-"));
  return { path, close: () => rm(path, { recursive: true, force: true }) };
}

export const getShoot = (client: KubeClient, name: string) => client.get<Shoot>(shoots, { namespace, name });

/** Waits until a cluster is observed as the check wants it. */
export function observed(
  { backend }: Pick<Garden, "backend">,
  spec: ClusterSpec,
  check: (seen: ClusterObservation) => boolean,
): Promise<ClusterObservation> {
  return until(async () => {
    const seen = await backend.observe(spec, signal);
    if (seen === undefined || !check(seen)) throw new Error(`observed ${JSON.stringify(seen)}`);
    return seen;
  });
}

/** Finished, and all conditions hold. */
export const healthy = (seen: ClusterObservation): boolean =>
  seen.state === "Succeeded" && seen.conditions.length > 0 && seen.conditions.every(({ status }) => status === "True");

/** Writes down all observations while `run` runs. */
export async function recorded(
  garden: Pick<Garden, "backend">,
  run: (seen: ClusterObservation[], health: string[], synced: ClusterObservation[][]) => Promise<void>,
) {
  const seen: ClusterObservation[] = [];
  const stop = new AbortController();
  const synced: ClusterObservation[][] = [];
  const health: string[] = [];
  const done = garden.backend.follow(
    {
      onSync: (all) => void synced.push([...all]),
      onObservation: (one) => void seen.push(one),
      onUp: () => void health.push("up"),
      onDown: () => void health.push("down"),
    },
    stop.signal,
  );
  try {
    await until(() => {
      if (health.at(-1) !== "up" || synced.length === 0) throw new Error(`not following yet: ${health}`);
    });
    await run(seen, health, synced);
  } finally {
    stop.abort();
    await done;
  }
  return { seen, synced, health };
}
