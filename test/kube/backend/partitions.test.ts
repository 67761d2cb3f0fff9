import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { Operate } from "../../../gen/ts/api/v1/cluster_pb.js";
import { openKube } from "../../../src/kube/client.js";
import { clusterApiSimulatorSettings } from "../../../src/kube/embedded/cluster-api/settings.js";
import { simulatorSettings } from "../../../src/kube/embedded/gardener/settings.js";
import { nodes } from "../../../src/kube/objects.js";
import { parsePartitions } from "../../../src/partitions.js";
import { parseAssets } from "../../../src/resources/api/assets/assets.js";
import { defaultAssets } from "../../../src/resources/api/assets/default-assets.js";
import { clustersOf } from "../../resources/support/clusters.js";
import { codeOf, refusal } from "../../resources/support/refusals.js";
import { startPlatform, type TestPlatform } from "../../support/platform.js";
import { log } from "../gardener/garden.js";
import { kinds } from "./worlds.js";

const gardener = { region: "muc", ...simulatorSettings };
const clusterApi = clusterApiSimulatorSettings;

describe("the partitions file", () => {
  const assets = parseAssets(undefined);
  const [known = ""] = assets.partitions;
  const parsed = (settings: object) => parsePartitions(stringify({ [known]: settings }), assets).get(known)?.backend;

  test("chooses the backend of each partition", () => {
    expect(parsed({ gardener })).toEqual({ gardener });
    expect(parsed({ clusterApi })).toEqual({ clusterApi });
  });

  test.each([
    [{}, "must have exactly one of gardener and clusterApi"],
    [{ gardener, clusterApi }, "must have exactly one of gardener and clusterApi"],
    [{ clusterApi: { ...clusterApi, workerClass: 7 } }, "clusterApi.workerClass must be a text"],
    [{ clusterapi: clusterApi }, "has unknown fields: clusterapi"],
  ])("that is wrong is told: %j", (settings, message) => {
    expect(() => parsed(settings)).toThrow(message);
  });
});

describe("a platform with both backends", () => {
  let platform: TestPlatform;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-partitions-"));
    const { region, ...rest } = defaultAssets.muc;
    const partitions = Object.fromEntries(["garden", "capi"].map((id) => [id, { id, name: id, active: true }]));
    const defaults = { ...region.defaults, partition: "garden" };
    const files = {
      SLIPWAY_ASSETS_FILE: { muc: { ...rest, region: { ...region, partitions, defaults } } },
      SLIPWAY_PARTITIONS_FILE: { garden: { gardener }, capi: { clusterApi } },
    };
    const env: Record<string, string> = {};
    for (const [name, content] of Object.entries(files)) {
      env[name] = join(directory, `${name}.yaml`);
      await writeFile(env[name], JSON.stringify(content));
    }
    platform = await startPlatform({ env });
  });
  afterAll(async () => {
    await platform.close();
    await rm(directory, { recursive: true });
  });

  test.each([
    ["garden", "Gardener"],
    ["capi", "Cluster API"],
  ])("makes, opens and deletes a cluster in partition %s", async (partition, name) => {
    const clusters = clustersOf(platform);
    const { uuid, status } = await clusters.ready({ partition });
    expect(status).toMatchObject({ state: "Succeeded", progress: 100 });
    const { project } = clusters;
    const selection = { labelSelector: `slipway.dev/cluster=${uuid}` };
    const holders = async (): Promise<string[]> => {
      const kube = platform.platform.partitions.get(partition)?.kube;
      const lists = await Promise.all(kinds.map(({ resource }) => kube?.list(resource, selection)));
      return kinds.filter((_, index) => lists[index]?.items.length).map((kind) => kind.name);
    };
    expect(await holders()).toEqual([name]);

    const { kubeconfig } = await clusters.client.getCredentials({ project, uuid }, clusters.owner);
    const inside = openKube({ kubeconfig, log });
    expect((await inside.list(nodes)).items.length).toBeGreaterThan(0);
    inside.close();

    const operate = (operation: Operate) =>
      clusters.client.operate({ project, uuid, operate: operation }, clusters.owner);
    if (name === "Gardener") {
      expect(await codeOf(operate(Operate.MAINTAIN))).toBe("OK");
    } else {
      const message = expect.stringContaining("no maintenance");
      expect(await refusal(operate(Operate.MAINTAIN))).toMatchObject({ code: "FailedPrecondition", message });
      expect(await codeOf(operate(Operate.RECONCILE))).toBe("OK");
    }
    await clusters.remove(uuid);
    expect(await holders()).toEqual([]);
    expect(await codeOf(clusters.get(uuid))).toBe("NotFound");
  });
});
