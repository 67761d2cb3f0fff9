import { create, equals, type MessageShape } from "@bufbuild/protobuf";
import { useMutation } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import type { AssetServiceListResponse } from "../../../../gen/ts/api/v1/assets_pb.js";
import {
  type Cluster,
  ClusterService,
  type ClusterServiceUpdateRequest,
  ClusterServiceUpdateRequestSchema,
  KubernetesSpecSchema,
  MaintenanceSchema,
  WorkerUpdateSchema,
} from "../../../../gen/ts/api/v1/cluster_pb.js";
import { useProject } from "../../app/project.js";
import type { LayoutItem } from "../../kit/form/layout.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { maintenanceGroup, workerFields } from "./layout.js";
import { useCluster } from "./use-cluster.js";
import { assetOf, machineChoices, useOffer, versionChoices } from "./use-offer.js";

/** Changes the version, the worker groups and the maintenance of a cluster. */
export function Page() {
  const { uuid: project } = useProject();
  const { cluster: uuid = "" } = useParams();
  const { cluster, error, refetch } = useCluster(project, uuid);
  const { data: offer } = useOffer();
  const list = `/projects/${project}/clusters`;
  const here = `${list}/${uuid}`;
  const parents = [{ label: "Clusters", href: list }];
  return (
    <PageBody>
      <PageHeader
        title="Change"
        parents={cluster === undefined ? parents : [...parents, { label: cluster.name, href: here }]}
      />
      {error !== null && cluster === undefined && (
        <Problem error={error} what="The cluster could not be read" onRetry={() => void refetch()} />
      )}
      {cluster !== undefined && offer !== undefined && <Form cluster={cluster} offer={offer} back={here} />}
    </PageBody>
  );
}

function Form({ cluster, offer, back }: { cluster: Cluster; offer: AssetServiceListResponse; back: string }) {
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const update = useMutation(ClusterService.method.update);
  const initial = requestOf(cluster);
  return (
    <ProtoForm
      schema={ClusterServiceUpdateRequestSchema}
      id={`cluster:edit:${cluster.uuid}`}
      initial={initial}
      layout={layoutOf(cluster, offer)}
      action="Save changes"
      onSubmit={async (message) => {
        await update.mutateAsync(changesOf(message, initial));
        void queryClient.invalidateQueries();
        notifications.show({ message: `Cluster ${cluster.name} is being changed.` });
        navigate(back);
      }}
      onCancel={() => navigate(back)}
    />
  );
}

function requestOf({ uuid, project, kubernetes, workers, maintenance }: Cluster): ClusterServiceUpdateRequest {
  return create(ClusterServiceUpdateRequestSchema, {
    uuid,
    project,
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(maintenance === undefined ? {} : { maintenance }),
    workers: workers.map(({ name, machineType, minsize, maxsize, maxsurge, maxunavailable }) => ({
      name,
      machineType,
      minsize,
      maxsize,
      maxsurge,
      maxunavailable,
    })),
  });
}

type Request = MessageShape<typeof ClusterServiceUpdateRequestSchema>;

/** Only what was changed, so that what somebody else has changed in the meantime stays. */
function changesOf({ uuid, project, kubernetes, workers, maintenance }: Request, before: Request): Request {
  const isSameVersion = same(KubernetesSpecSchema, kubernetes, before.kubernetes);
  const isSameMaintenance = same(MaintenanceSchema, maintenance, before.maintenance);
  return create(ClusterServiceUpdateRequestSchema, {
    uuid,
    project,
    ...(kubernetes === undefined || isSameVersion ? {} : { kubernetes }),
    ...(maintenance === undefined || isSameMaintenance ? {} : { maintenance }),
    workers: workers.filter((worker) => !before.workers.some((each) => equals(WorkerUpdateSchema, each, worker))),
  });
}

function same<Desc extends typeof KubernetesSpecSchema | typeof MaintenanceSchema>(
  schema: Desc,
  a: MessageShape<Desc> | undefined,
  b: MessageShape<Desc> | undefined,
): boolean {
  return a !== undefined && b !== undefined && equals(schema, a, b);
}

function layoutOf({ kubernetes, workers, partition }: Cluster, offer: AssetServiceListResponse): readonly LayoutItem[] {
  const asset = assetOf(offer, partition);
  const machines = machineChoices(asset);
  const { machineType, workerMin, workerMax } = asset?.region?.defaults ?? {};
  return [
    {
      field: "kubernetes.version",
      label: "Kubernetes version",
      required: true,
      choices: versionChoices(asset, kubernetes?.version),
      hint: "One minor version at a time, and never back",
    },
    {
      field: "workers",
      label: "Worker groups",
      item: "worker group",
      fixedItems: workers.length,
      fields: (index) => workerFields(machines, index >= workers.length),
      newItem: (present) => ({
        name: `group-${present}`,
        machine_type: machineType ?? "",
        minsize: workerMin ?? 1,
        maxsize: workerMax ?? 3,
        maxsurge: 1,
        maxunavailable: 0,
      }),
    },
    maintenanceGroup,
  ];
}
