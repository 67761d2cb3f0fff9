import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { Link } from "wouter";
import { type IP, IPService, IPType } from "../../../../gen/ts/api/v1/ip_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { AddressMenu } from "./address-menu.js";

const hrefOf = ({ project, uuid }: IP): string => `/projects/${project}/addresses/${uuid}/edit`;
const typeText = ({ type }: IP): string => (type === IPType.IP_TYPE_STATIC ? "Static" : "Ephemeral");

const columns: readonly Column<IP>[] = [
  {
    id: "ip",
    header: "Address",
    width: 165,
    sort: ({ ip }) => ip,
    text: ({ ip, uuid }) => `${ip} ${uuid}`,
    cell: (ip) => (
      <Link href={hrefOf(ip)} tabIndex={-1} title={ip.ip}>
        {ip.ip}
      </Link>
    ),
  },
  {
    id: "name",
    header: "Name",
    width: 110,
    grow: 1,
    sort: ({ name }) => name,
    text: ({ name, description }) => `${name} ${description}`,
    cell: ({ name, description }) => <span title={description || undefined}>{name}</span>,
  },
  {
    id: "type",
    header: "Type",
    width: 120,
    priority: 1,
    sort: typeText,
    text: typeText,
    cell: (ip) => (
      <StatusBadge
        tone={ip.type === IPType.IP_TYPE_STATIC ? "good" : "quiet"}
        icon={ip.type === IPType.IP_TYPE_STATIC ? "check" : "clock"}
        title={
          ip.type === IPType.IP_TYPE_STATIC ? "Stays until it is released" : "Goes with the last Service that used it"
        }
      >
        {typeText(ip)}
      </StatusBadge>
    ),
  },
  {
    id: "network",
    header: "Network",
    width: 120,
    priority: 4,
    sort: ({ network }) => network,
    text: ({ network }) => network,
    cell: ({ network }) => network,
  },
  {
    id: "tags",
    header: "Tags",
    width: 140,
    grow: 2,
    priority: 5,
    text: ({ tags }) => tags.join(" "),
    cell: ({ tags }) => <span title={tags.join("\n")}>{tags.join(", ") || "–"}</span>,
  },
  {
    id: "created",
    header: "Allocated",
    width: 140,
    priority: 6,
    sort: ({ createdAt }) => (createdAt === undefined ? 0 : timestampMs(createdAt)),
    cell: ({ createdAt }) => <Ago at={createdAt} />,
  },
];

const keyOf = ({ uuid }: IP): string => uuid;
const actions = (ip: IP) => <AddressMenu ip={ip} />;

/** The public addresses of the project. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(IPService.method.list, { project }, { refetchInterval: 10_000 });
  const newHref = `/projects/${project}/addresses/new`;
  return (
    <PageBody fill>
      <PageHeader title="Addresses">
        <Button component={Link} href={newHref} leftSection={<Icon name="plus" size={14} />} data-new>
          Allocate an address
        </Button>
      </PageHeader>
      {error !== null && data === undefined ? (
        <Problem error={error} what="The addresses could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Addresses"
          rows={data?.ips}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "name", descending: false }}
          empty={
            <>
              <p>No addresses yet. A Service of type LoadBalancer in a cluster needs one of the project.</p>
              <Button component={Link} href={newHref}>
                Allocate the first address
              </Button>
            </>
          }
        />
      )}
    </PageBody>
  );
}
