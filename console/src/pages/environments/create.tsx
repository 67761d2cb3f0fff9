import { useMutation, useQuery } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import {
  EnvironmentService,
  EnvironmentServiceCreateRequestSchema,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { environmentLayout } from "./environment-layout.js";

/** Makes an environment. */
export function Page() {
  const { uuid: project } = useProject();
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const existing = useQuery(EnvironmentService.method.list, { project });
  const targets = useQuery(TargetService.method.list, { project });
  const create = useMutation(EnvironmentService.method.create);
  const list = `/projects/${project}/environments`;
  const isSettled = !existing.isPending;
  return (
    <PageBody>
      <PageHeader title="New environment" parents={[{ label: "Environments", href: list }]} />
      {isSettled && (
        <ProtoForm
          schema={EnvironmentServiceCreateRequestSchema}
          id={`environment:new:${project}`}
          // The first one is what deployments take that name none.
          initial={{ project, isDefault: existing.data?.environments.length === 0 }}
          layout={environmentLayout(targets.data?.targets ?? [], false)}
          action="Create environment"
          onSubmit={async (message) => {
            await create.mutateAsync(message);
            void queryClient.invalidateQueries();
            notifications.show({ message: `Environment ${message.name} is there.` });
            navigate(list);
          }}
          onCancel={() => navigate(list)}
        />
      )}
    </PageBody>
  );
}
