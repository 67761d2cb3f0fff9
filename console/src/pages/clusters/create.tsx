import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useMutation } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import type { AssetServiceListResponse } from "../../../../gen/ts/api/v1/assets_pb.js";
import { ClusterService, ClusterServiceCreateRequestSchema } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { useProject } from "../../app/project.js";
import type { DraftObject } from "../../kit/form/draft.js";
import type { LayoutItem } from "../../kit/form/layout.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { maintenanceGroup, workerFields } from "./layout.js";
import { assetOf, machineChoices, partitionChoices, useOffer, versionChoices } from "./use-offer.js";

/** Orders a cluster. */
export function Page() {
  const { uuid: project } = useProject();
  const { data: offer, error, refetch } = useOffer();
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const create = useMutation(ClusterService.method.create);
  const list = `/projects/${project}/clusters`;
  return (
    <PageBody>
      <PageHeader title="New cluster" parents={[{ label: "Clusters", href: list }]} />
      {error !== null && offer === undefined && (
        <Problem error={error} what="What is on offer could not be read" onRetry={() => void refetch()} />
      )}
      {offer !== undefined && (
        <ProtoForm
          schema={ClusterServiceCreateRequestSchema}
          id={`cluster:new:${project}`}
          initial={initialOf(offer, project)}
          layout={(draft) => layoutOf(offer, draft)}
          action="Create cluster"
          onSubmit={async (message) => {
            const { cluster } = await create.mutateAsync(message);
            void queryClient.invalidateQueries();
            notifications.show({ message: `Cluster ${message.name} is being created.` });
            navigate(cluster === undefined ? list : `${list}/${cluster.uuid}`);
          }}
          onCancel={() => navigate(list)}
        />
      )}
    </PageBody>
  );
}

function initialOf(
  offer: AssetServiceListResponse,
  project: string,
): MessageInitShape<typeof ClusterServiceCreateRequestSchema> {
  const defaults = assetOf(offer, undefined)?.region?.defaults;
  return {
    project,
    partition: defaults?.partition ?? "",
    kubernetes: { version: defaults?.kubernetesVersion ?? "" },
    workers: [
      {
        name: "group-0",
        machineType: defaults?.machineType ?? "",
        minsize: defaults?.workerMin ?? 1,
        maxsize: defaults?.workerMax ?? 3,
        maxsurge: 1,
      },
    ],
    maintenance: {
      kubernetesAutoupdate: true,
      machineimageAutoupdate: true,
      timeWindow: { begin: timestampFromMs(22 * 3_600_000), duration: { seconds: 7_200n } },
    },
  };
}

function layoutOf(offer: AssetServiceListResponse, draft: DraftObject): readonly LayoutItem[] {
  const asset = assetOf(offer, draft.partition);
  const machines = machineChoices(asset);
  const { machineType, workerMin, workerMax } = asset?.region?.defaults ?? {};
  return [
    {
      field: "name",
      hint: "2 to 12 lower case letters, digits and dashes",
      autoFocus: true,
    },
    {
      field: "partition",
      required: true,
      choices: partitionChoices(offer),
      hint: "Where the cluster lives; it cannot move later",
    },
    { field: "kubernetes.version", label: "Kubernetes version", required: true, choices: versionChoices(asset) },
    {
      field: "workers",
      label: "Worker groups",
      item: "worker group",
      hint: "Groups of equal machines. The autoscaler moves between the fewest and the most.",
      fields: workerFields(machines, true),
      newItem: (present) => ({
        name: `group-${present}`,
        machine_type: machineType ?? "",
        minsize: workerMin ?? 1,
        maxsize: workerMax ?? 3,
        maxsurge: 1,
      }),
    },
    maintenanceGroup,
  ];
}
