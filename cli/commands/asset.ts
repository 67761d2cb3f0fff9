import type { Command } from "commander";
import type { Asset, AssetSchema } from "../../gen/ts/api/v1/assets_pb.js";
import type { Kind } from "../output.js";
import { lazy } from "../resources/lazy.js";
import { sizeOf } from "../resources/sizes.js";
import { isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/assets_pb.js"));

const kind: Kind<typeof AssetSchema> = {
  schema: async () => (await api()).AssetSchema,
  name: regionOf,
  columns: [
    { header: "REGION", value: regionOf },
    { header: "NAME", value: ({ region }) => region?.name },
    {
      header: "PARTITIONS",
      value: ({ region }) =>
        Object.keys(region?.partitions ?? {})
          .sort()
          .join(","),
    },
    { header: "MACHINE-TYPES", value: ({ machineTypes }) => Object.keys(machineTypes).length },
    { header: "KUBERNETES", value: ({ kubernetes }) => kubernetes.map(({ version }) => version).join(",") },
    { header: "DEFAULT-PARTITION", value: ({ region }) => region?.defaults?.partition, wide: true },
    { header: "DEFAULT-MACHINE-TYPE", value: ({ region }) => region?.defaults?.machineType, wide: true },
    { header: "DEFAULT-KUBERNETES", value: ({ region }) => region?.defaults?.kubernetesVersion, wide: true },
  ],
};

/** `slipway asset`: what can be ordered. */
export function assetCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the regions with what they have")
    .action(run(async (session) => session.out.list(kind, await assets(session))));
  group
    .command("machine-types")
    .description("list the machine types for workers of clusters")
    .action(run(listMachineTypes));
  group.command("kubernetes").description("list the versions of Kubernetes for clusters").action(run(listVersions));
  group.command("partitions").description("list the partitions in which clusters can live").action(run(listPartitions));
}

async function listMachineTypes(session: Session): Promise<void> {
  const found = (await assets(session)).flatMap((asset) =>
    Object.values(asset.machineTypes).map(({ id, cpus, memory, storage }) => ({
      id,
      region: regionOf(asset),
      cpus,
      memory: String(memory),
      storage: String(storage),
    })),
  );
  await session.out.plain(
    [
      { header: "ID", value: ({ id }) => id },
      { header: "CPUS", value: ({ cpus }) => cpus },
      { header: "MEMORY", value: ({ memory }) => sizeOf(BigInt(memory)) },
      { header: "STORAGE", value: ({ storage }) => sizeOf(BigInt(storage)) },
      { header: "REGION", value: ({ region }) => region },
    ],
    found,
    (item) => item,
  );
}

async function listVersions(session: Session): Promise<void> {
  const found = (await assets(session)).flatMap((asset) =>
    asset.kubernetes.map(({ version, expiration }) => ({
      version,
      expires: isoOf(expiration),
      region: regionOf(asset),
    })),
  );
  await session.out.plain(
    [
      { header: "VERSION", value: ({ version }) => version },
      { header: "EXPIRES", value: ({ expires }) => expires },
      { header: "REGION", value: ({ region }) => region },
    ],
    found,
    (item) => item,
  );
}

async function listPartitions(session: Session): Promise<void> {
  const found = (await assets(session)).flatMap((asset) =>
    Object.values(asset.region?.partitions ?? {}).map(({ id, name, active }) => ({
      id,
      name,
      active,
      region: regionOf(asset),
    })),
  );
  await session.out.plain(
    [
      { header: "ID", value: ({ id }) => id },
      { header: "NAME", value: ({ name }) => name },
      { header: "ACTIVE", value: ({ active }) => (active ? "yes" : "no") },
      { header: "REGION", value: ({ region }) => region },
    ],
    found,
    (item) => item,
  );
}

async function assets(session: Session): Promise<readonly Asset[]> {
  return (await (await session.client((await api()).AssetService)).list({})).assetList;
}

function regionOf({ region }: Asset): string {
  return region?.id ?? "";
}
