import { useMutation, useQuery } from "@connectrpc/connect-query";
import { SegmentedControl } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import {
  TargetService,
  type TargetServiceCreateRequest,
  TargetServiceCreateRequestSchema,
} from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import type { LayoutItem } from "../../kit/form/layout.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { TextLink } from "../deployments/text-link.js";
import { JoinHelp, KubeconfigInput } from "./kubeconfig-input.js";
import { routersLayout } from "./target-layout.js";

const kinds = [
  { value: "cluster", label: "A cluster of the project" },
  { value: "kubeconfig", label: "Another cluster, by kubeconfig" },
];

/** In a form about a kubeconfig, which no draft may have, this stands for it. */
const placeholder = "00000000-0000-0000-0000-000000000000";

/** Makes a target of a cluster of the project, or of any other cluster. */
export function Page() {
  const { uuid: project } = useProject();
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const clusters = useQuery(ClusterService.method.list, { project });
  const create = useMutation(TargetService.method.create);
  const [kind, setKind] = useState<string>();
  const [kubeconfig, setKubeconfig] = useState("");
  const [missing, setMissing] = useState(false);
  const list = `/projects/${project}/targets`;
  const all = clusters.data?.clusters ?? [];
  const isForeign = (kind ?? (all.length === 0 ? "kubeconfig" : "cluster")) === "kubeconfig";
  const send = async (message: TargetServiceCreateRequest) => {
    setMissing(isForeign && kubeconfig.trim() === "");
    if (isForeign && kubeconfig.trim() === "")
      throw new Error("Paste the kubeconfig of the cluster, or take it from a file.");
    const request = isForeign ? { ...message, source: { case: "kubeconfig", value: kubeconfig } as const } : message;
    const { target } = await create.mutateAsync(request);
    void queryClient.invalidateQueries();
    notifications.show({ message: `Target ${message.name} is there; its connection is tried.` });
    navigate(target === undefined ? list : `${list}/${target.uuid}`);
  };
  if (clusters.isPending) return <PageBody>{null}</PageBody>;
  const layout: readonly LayoutItem[] = [
    { field: "name", hint: "Lower case letters, digits and dashes; unique in the project", autoFocus: true },
    { field: "description" },
    ...(isForeign
      ? []
      : [
          {
            field: "cluster",
            choices: all.map(({ uuid, name }) => ({ value: uuid, label: name })),
            hint: "Its access is taken and renewed by itself",
            span: 12,
          },
        ]),
    routersLayout("routers"),
    { field: "labels", item: "label" },
  ];
  return (
    <PageBody>
      <PageHeader title="New target" parents={[{ label: "Targets", href: list }]} />
      <Section title="Where deployments are to run">
        <SegmentedControl
          size="xs"
          w="fit-content"
          aria-label="Which cluster"
          data={kinds}
          value={isForeign ? "kubeconfig" : "cluster"}
          onChange={setKind}
        />
        {isForeign ? (
          <>
            <KubeconfigInput
              label="Kubeconfig"
              hint="Only what its current context leads to is kept, sealed. It must have all in it: no exec plugins, no paths of files."
              value={kubeconfig}
              onChange={setKubeconfig}
              error={missing && kubeconfig === "" ? "is needed" : undefined}
            />
            <JoinHelp project={project} />
          </>
        ) : (
          all.length === 0 && (
            <span>
              The project has no cluster yet: <TextLink href={`/projects/${project}/clusters/new`}>create one</TextLink>
              , or take another one by its kubeconfig.
            </span>
          )
        )}
      </Section>
      <ProtoForm
        key={String(isForeign)}
        schema={TargetServiceCreateRequestSchema}
        id={`target:new:${project}:${isForeign ? "kubeconfig" : "cluster"}`}
        initial={{ project, source: { case: "cluster", value: isForeign ? placeholder : (all[0]?.uuid ?? "") } }}
        layout={layout}
        action="Create target"
        onSubmit={send}
        onCancel={() => navigate(list)}
      />
    </PageBody>
  );
}
