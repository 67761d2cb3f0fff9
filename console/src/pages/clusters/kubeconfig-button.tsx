import { useMutation } from "@connectrpc/connect-query";
import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type Cluster, ClusterService } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { Icon } from "../../kit/icons.js";
import { problemText } from "../../kit/problem.js";

const lifetimes = [
  { label: "10 minutes", seconds: 600n },
  { label: "1 hour", seconds: 3_600n },
  { label: "8 hours", seconds: 28_800n },
  { label: "24 hours", seconds: 86_400n },
] as const;

/** Downloads a kubeconfig that is valid for a time; it stays nowhere in the console. */
export function KubeconfigButton({ cluster: { uuid, project, name, deletedAt } }: { cluster: Cluster }) {
  const { mutate, isPending } = useMutation(ClusterService.method.getCredentials, {
    gcTime: 0,
    onSuccess: ({ kubeconfig }) => download(`${name}.kubeconfig`, kubeconfig),
    onError: (error) => notifications.show({ color: "red", title: "No kubeconfig", message: problemText(error) }),
  });
  return (
    <Menu>
      <Menu.Target>
        <Button
          variant="default"
          loading={isPending}
          disabled={deletedAt !== undefined}
          leftSection={<Icon name="download" size={14} />}
          rightSection={<Icon name="down" size={12} />}
        >
          Kubeconfig
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Administrator’s, valid for</Menu.Label>
        {lifetimes.map(({ label, seconds }) => (
          <Menu.Item key={label} onClick={() => mutate({ uuid, project, expiration: { seconds } })}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
