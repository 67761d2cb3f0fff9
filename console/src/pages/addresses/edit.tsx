import { useMutation, useQuery } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation, useParams } from "wouter";
import { type IP, IPService, IPServiceUpdateRequestSchema } from "../../../../gen/ts/api/v1/ip_pb.js";
import { useProject } from "../../app/project.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { describingFields } from "./address-layout.js";

/** Changes name, description and tags of an address. */
export function Page() {
  const { uuid: project } = useProject();
  const { address: uuid = "" } = useParams();
  const { data, error, refetch } = useQuery(IPService.method.get, { project, uuid });
  const list = `/projects/${project}/addresses`;
  const ip = data?.ip;
  return (
    <PageBody>
      <PageHeader
        title={ip === undefined ? "Change" : `Change ${ip.ip}`}
        parents={[{ label: "Addresses", href: list }]}
      />
      {error !== null && ip === undefined && (
        <Problem error={error} what="The address could not be read" onRetry={() => void refetch()} />
      )}
      {ip !== undefined && <Form key={ip.uuid} ip={ip} back={list} />}
    </PageBody>
  );
}

function Form({ ip, back }: { ip: IP; back: string }) {
  const { project, uuid } = ip;
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const update = useMutation(IPService.method.update);
  return (
    <ProtoForm
      schema={IPServiceUpdateRequestSchema}
      id={`address:edit:${uuid}`}
      initial={{ project, ip }}
      layout={describingFields("ip", "Tags that the platform wrote tell what uses the address; they stay")}
      action="Save changes"
      onSubmit={async (message) => {
        await update.mutateAsync(message);
        void queryClient.invalidateQueries();
        notifications.show({ message: `${ip.ip} is changed.` });
        navigate(back);
      }}
      onCancel={() => navigate(back)}
    />
  );
}
