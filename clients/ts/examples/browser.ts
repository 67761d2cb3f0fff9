import { openSlipway } from "@slipway/client";
import { ClusterService } from "@slipway/client/gen/api/v1/cluster_pb.js";
import { watch } from "@slipway/client/watch";

/** Shows the clusters of a project, and how each does, until the signal aborts. */
export async function showClusters(
  { url, token, project }: { url: string; token: () => Promise<string>; project: string },
  show: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const service = openSlipway({ url, token }).client(ClusterService);
  const { clusters } = await service.list({ project }, { signal });
  const names = new Map(clusters.map(({ uuid, name }) => [uuid, name]));
  // Networks lose connections of pages without a word: after a minute of silence the stream is opened again.
  const statuses = watch((_, open) => service.watchStatus({ project }, { signal: open }), {
    signal,
    silenceMs: 60_000,
  });
  for await (const { status } of statuses) {
    if (status !== undefined) show(`${names.get(status.uuid) ?? status.uuid} ${status.state} ${status.progress} %`);
  }
}
