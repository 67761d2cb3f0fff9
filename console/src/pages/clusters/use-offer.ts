import { timestampDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { type Asset, AssetService, type AssetServiceListResponse } from "../../../../gen/ts/api/v1/assets_pb.js";
import { bytesText } from "../../kit/bytes.js";
import type { Choice } from "../../kit/form/layout.js";

/** What can be ordered. */
export function useOffer() {
  return useQuery(AssetService.method.list, {}, { staleTime: 300_000 });
}

/** Partitions in which new clusters can live. */
export function partitionChoices({ assetList }: AssetServiceListResponse): Choice[] {
  return assetList.flatMap(({ region }) =>
    Object.values(region?.partitions ?? {})
      .filter(({ active }) => active && region?.active === true)
      .map(({ id, name }) => ({
        value: id,
        label: name === "" || name === id ? `${id} · ${region?.name}` : `${id} · ${name}, ${region?.name}`,
      })),
  );
}

/** What the region of a partition offers; of the first region when the partition is not known. */
export function assetOf({ assetList }: AssetServiceListResponse, partition: unknown): Asset | undefined {
  const here = assetList.find(({ region }) =>
    Object.values(region?.partitions ?? {}).some(({ id }) => id === partition),
  );
  return here ?? assetList[0];
}

/** Machine types with what they have. */
export function machineChoices(asset: Asset | undefined): Choice[] {
  return Object.values(asset?.machineTypes ?? {}).map(({ id, cpus, memory }) => ({
    value: id,
    label: `${id} · ${cpus} CPU · ${bytesText(memory)}`,
  }));
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** Kubernetes versions, the newest first; with `present` those to which it can be updated in one step. */
export function versionChoices(asset: Asset | undefined, present?: string): Choice[] {
  const versions = (asset?.kubernetes ?? [])
    .filter(({ version }) => present === undefined || isReachable(present, version))
    .map(({ version, expiration }) => ({
      value: version,
      label: expiration === undefined ? version : `${version} · until ${day.format(timestampDate(expiration))}`,
    }));
  const all =
    present === undefined || versions.some(({ value }) => value === present)
      ? versions
      : [...versions, { value: present, label: `${present} · no longer on offer` }];
  return all.sort((a, b) => b.value.localeCompare(a.value, "en", { numeric: true }));
}

function isReachable(present: string, version: string): boolean {
  const [major, minor = 0, patch = 0] = present.split(".").map(Number);
  const [nextMajor, nextMinor = 0, nextPatch = 0] = version.split(".").map(Number);
  if (major !== nextMajor) return false;
  return (nextMinor === minor && nextPatch >= patch) || nextMinor === minor + 1;
}
