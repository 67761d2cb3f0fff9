import { useMutation } from "@connectrpc/connect-query";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { IPService, IPServiceAllocateRequestSchema } from "../../../../gen/ts/api/v1/ip_pb.js";
import { useProject } from "../../app/project.js";
import { ProtoForm } from "../../kit/form/proto-form.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { describingFields } from "./address-layout.js";

/** Takes a free address for the project. */
export function Page() {
  const { uuid: project } = useProject();
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const allocate = useMutation(IPService.method.allocate);
  const list = `/projects/${project}/addresses`;
  return (
    <PageBody>
      <PageHeader title="Allocate an address" parents={[{ label: "Addresses", href: list }]} />
      <ProtoForm
        schema={IPServiceAllocateRequestSchema}
        id={`address:new:${project}`}
        initial={{ project }}
        layout={[
          ...describingFields(
            "",
            "slipway.dev/network=NAME, slipway.dev/partition=ID and slipway.dev/family=ipv4 or ipv6 choose from where it is taken",
          ),
          {
            field: "static",
            label: "Static",
            span: 12,
            hint: "It stays until you release it. Otherwise it goes with the last Service that used it.",
          },
        ]}
        action="Allocate"
        onSubmit={async (message) => {
          const { ip } = await allocate.mutateAsync(message);
          void queryClient.invalidateQueries();
          notifications.show({ message: `${ip?.ip ?? "The address"} is yours.` });
          navigate(list);
        }}
        onCancel={() => navigate(list)}
      />
    </PageBody>
  );
}
