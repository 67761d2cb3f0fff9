import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import type { Member } from "./member.js";
import { MemberMenu } from "./member-menu.js";
import { projectRoles, roleText, roleTone, tenantRoles } from "./roles.js";

const textOf = ({ scope, role }: Member): string => roleText(scope === "project" ? projectRoles : tenantRoles, role);

const columns: readonly Column<Member>[] = [
  {
    id: "login",
    header: "Login",
    width: 150,
    grow: 2,
    sort: ({ login }) => login,
    text: ({ login }) => login,
    cell: ({ login, isSelf }) => (
      <span title={login}>
        {login}
        {isSelf && " (you)"}
      </span>
    ),
  },
  {
    id: "role",
    header: "Role",
    width: 110,
    sort: ({ role }) => role,
    text: textOf,
    cell: (member) => (
      <StatusBadge tone={roleTone(member.role)} icon="user">
        {textOf(member)}
      </StatusBadge>
    ),
  },
  {
    id: "from",
    header: "From",
    width: 140,
    grow: 1,
    priority: 2,
    cell: ({ fixed, scope }) => (fixed === undefined ? (scope === "project" ? "Project" : "Tenant") : fixed),
  },
  {
    id: "since",
    header: "Member since",
    width: 130,
    priority: 3,
    sort: ({ since }) => since?.getTime() ?? 0,
    cell: ({ since }) => <Ago at={since} />,
  },
];

const keyOf = ({ login }: Member): string => login;
const actions = (member: Member) => <MemberMenu member={member} />;

/** The members of a project or a tenant. */
export function MemberTable({ label, members }: { label: string; members: readonly Member[] | undefined }) {
  return (
    <VirtualTable
      label={label}
      rows={members}
      rowKey={keyOf}
      columns={columns}
      actions={actions}
      initialSort={{ column: "login", descending: false }}
      empty={<p>Nobody that you may see. Viewers and higher of the tenant see its members.</p>}
    />
  );
}
