import { useMutation, useQuery } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import {
  type Environment,
  EnvironmentService,
  EnvironmentServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { environmentLayout } from "./environment-layout.js";

/** Changes an environment. */
export function Page() {
  const { uuid: project } = useProject();
  const { environment: uuid = "" } = useParams();
  const { data, error, refetch } = useQuery(EnvironmentService.method.get, { project, environment: uuid });
  const list = `/projects/${project}/environments`;
  const environment = data?.environment;
  return (
    <PageBody>
      <PageHeader title={environment?.name ?? "Environment"} parents={[{ label: "Environments", href: list }]} />
      {error !== null && environment === undefined && (
        <Problem error={error} what="The environment could not be read" onRetry={() => void refetch()} />
      )}
      {environment !== undefined && <Form key={String(environment.version)} environment={environment} list={list} />}
    </PageBody>
  );
}

function Form({ environment, list }: { environment: Environment; list: string }) {
  const { project, uuid, name, description, isDefault, nodeSelector, tolerations, constraints, labels, version } =
    environment;
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const targets = useQuery(TargetService.method.list, { project });
  const update = useMutation(EnvironmentService.method.update);
  return (
    <ProtoForm
      schema={EnvironmentServiceUpdateRequestSchema}
      id={`environment:${uuid}:${version}`}
      initial={{
        project,
        uuid,
        name,
        description,
        isDefault,
        nodeSelector: { labels: nodeSelector },
        tolerations: { tolerations },
        constraints: { constraints },
        labels: { labels },
        expectedVersion: version,
      }}
      layout={environmentLayout(targets.data?.targets ?? [], true)}
      action="Save changes"
      onSubmit={async (message) => {
        await update.mutateAsync(message);
        void queryClient.invalidateQueries();
        notifications.show({ message: `Environment ${message.name ?? name} is changed.` });
        navigate(list);
      }}
      onCancel={() => navigate(list)}
    />
  );
}
