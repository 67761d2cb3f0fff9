import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Platform } from "../../../../../src/platform.js";
import { defaultAssets } from "../../../../../src/resources/api/assets/default-assets.js";
import { maintainClusters, pruneMaintenance } from "../../../../../src/resources/api/cluster/maintenance/background.js";
import { startPlatform, type TestPlatform } from "../../../../support/platform.js";
import { clustersOf } from "../../../support/clusters.js";

let platform: TestPlatform;
let directory: string;
let clusters: ReturnType<typeof clustersOf>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-assets-"));
  const assetsFile = join(directory, "assets.json");
  const [[region, asset]] = Object.entries(defaultAssets) as [[string, object]];
  const kubernetes = [{ version: "1.32.4" }, { version: "1.32.6" }, { version: "1.33.2" }];
  const defaults = { ...(asset as { region: { defaults: object } }).region.defaults, kubernetesVersion: "1.32.4" };
  const changed = { ...asset, kubernetes, region: { ...(asset as { region: object }).region, defaults } };
  await writeFile(assetsFile, JSON.stringify({ [region]: changed }));
  platform = await startPlatform({ env: { SLIPWAY_ASSETS_FILE: assetsFile } });
  clusters = clustersOf(platform);
});
afterAll(async () => {
  await platform.close();
  await rm(directory, { recursive: true });
});

/** The platform as it is at another time. */
const at = (time: Date): Platform => ({ ...platform.platform, clock: () => time });
const begin = new Date("2026-01-01T22:00:00Z");
const evening = new Date("2027-03-01T22:30:00Z");
const order = (autoupdate: boolean) =>
  clusters.ready({
    kubernetes: { version: "1.32.4" },
    maintenance: {
      kubernetesAutoupdate: autoupdate,
      machineimageAutoupdate: false,
      timeWindow: { begin: timestampFromDate(begin), duration: { seconds: 7_200n } },
    },
  });
const versionOf = async (uuid: string) => (await clusters.get(uuid)).kubernetes?.version;

describe("maintenance", () => {
  it("updates a cluster in its window, once, whoever looks, and leaves those alone that do not allow it", async () => {
    const [updated, kept] = [await order(true), await order(false)];
    await maintainClusters(at(new Date("2027-03-01T21:59:00Z")));
    expect(await versionOf(updated.uuid)).toBe("1.32.4");
    await Promise.all([1, 2, 3].map(() => maintainClusters(at(evening))));
    expect(await versionOf(updated.uuid)).toBe("1.32.6");
    expect(await versionOf(kept.uuid)).toBe("1.32.4");
    const { rows } = await platform.database.server.pool.query(
      "select cluster, from_version, to_version from maintenance_runs order by to_version",
    );
    expect(rows).toEqual([
      { cluster: kept.uuid, from_version: "1.32.4", to_version: "1.32.4" },
      { cluster: updated.uuid, from_version: "1.32.4", to_version: "1.32.6" },
    ]);
    await clusters.succeeded(updated.uuid);
    await maintainClusters(at(evening));
    expect((await platform.database.server.pool.query("select 1 from maintenance_runs")).rowCount).toBe(2);
    await maintainClusters(at(new Date("2027-03-02T22:30:00Z")));
    expect((await platform.database.server.pool.query("select 1 from maintenance_runs")).rowCount).toBe(4);
    expect(await versionOf(updated.uuid)).toBe("1.32.6");
    // Of windows long ago only the updates stay known.
    const left = async (time: string) => {
      await pruneMaintenance(at(new Date(time)));
      return (await platform.database.server.pool.query("select from_version, to_version from maintenance_runs")).rows;
    };
    expect(await left("2027-03-31T00:00:00Z")).toHaveLength(4);
    expect(await left("2027-05-02T00:00:00Z")).toEqual([{ from_version: "1.32.4", to_version: "1.32.6" }]);
  });
});
