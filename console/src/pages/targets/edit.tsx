import { useMutation, useQuery } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import {
  type Target,
  TargetService,
  TargetServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { KubeconfigInput } from "./kubeconfig-input.js";
import { routersLayout } from "./target-layout.js";

/** Changes a target. */
export function Page() {
  const { uuid: project } = useProject();
  const { target: uuid = "" } = useParams();
  const { data, error, refetch } = useQuery(TargetService.method.get, { project, uuid });
  const target = data?.target;
  const list = { label: "Targets", href: `/projects/${project}/targets` };
  return (
    <PageBody>
      <PageHeader
        title="Change"
        parents={target === undefined ? [list] : [list, { label: target.name, href: `${list.href}/${uuid}` }]}
      />
      {error !== null && target === undefined && (
        <Problem error={error} what="The target could not be read" onRetry={() => void refetch()} />
      )}
      {target !== undefined && <Form key={String(target.version)} target={target} back={`${list.href}/${uuid}`} />}
    </PageBody>
  );
}

function Form({ target, back }: { target: Target; back: string }) {
  const { project, uuid, name, description, routers, labels, version, cluster } = target;
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const update = useMutation(TargetService.method.update);
  const [kubeconfig, setKubeconfig] = useState("");
  return (
    <>
      {cluster === "" && (
        <Section title="Access">
          <KubeconfigInput
            label="New kubeconfig"
            hint="The one it has stays unless you give another one; it is never shown."
            value={kubeconfig}
            onChange={setKubeconfig}
          />
        </Section>
      )}
      <ProtoForm
        schema={TargetServiceUpdateRequestSchema}
        id={`target:${uuid}:${version}`}
        initial={{
          project,
          uuid,
          name,
          description,
          routers: { routers },
          labels: { labels },
          expectedVersion: version,
        }}
        layout={[
          { field: "name" },
          { field: "description" },
          routersLayout("routers.routers"),
          { field: "labels.labels", label: "Labels", item: "label" },
        ]}
        action="Save changes"
        onSubmit={async (message) => {
          await update.mutateAsync(kubeconfig.trim() === "" ? message : { ...message, kubeconfig });
          void queryClient.invalidateQueries();
          notifications.show({ message: `Target ${message.name ?? name} is changed.` });
          navigate(back);
        }}
        onCancel={() => navigate(back)}
      />
    </>
  );
}
