import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { useCallback } from "react";
import { Link } from "wouter";
import { type Token, TokenService, TokenType } from "../../../../gen/ts/api/v1/token_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge, type Tone } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { grantsText } from "./grants.js";
import { TokenMenu } from "./token-menu.js";

const soonMs = 7 * 86_400_000;
const expiryMs = ({ expires }: Token): number => (expires === undefined ? 0 : timestampMs(expires));
const typeText = ({ tokenType }: Token): string => (tokenType === TokenType.CONSOLE ? "Sign-in" : "API");
const givesText = (token: Token): string =>
  token.tokenType === TokenType.CONSOLE ? "All that you may do" : grantsText(token);

function stateOf(token: Token): { readonly text: string; readonly tone: Tone } {
  const left = expiryMs(token) - Date.now();
  if (left <= 0) return { text: "Expired", tone: "quiet" };
  // A session is renewed by itself: its end is nothing to look after.
  if (left < soonMs && token.tokenType === TokenType.API) return { text: "Ends soon", tone: "warn" };
  return { text: "Valid", tone: "good" };
}

const columns: readonly Column<Token>[] = [
  {
    id: "description",
    header: "Description",
    width: 150,
    grow: 2,
    sort: ({ description }) => description,
    text: ({ description, uuid }) => `${description} ${uuid}`,
    cell: (token) => <TokenLink token={token} />,
  },
  {
    id: "state",
    header: "State",
    width: 130,
    sort: (token) => stateOf(token).text,
    text: (token) => stateOf(token).text,
    cell: (token) => <StatusBadge tone={stateOf(token).tone}>{stateOf(token).text}</StatusBadge>,
  },
  {
    id: "expires",
    header: "Expires",
    width: 130,
    priority: 1,
    sort: expiryMs,
    cell: ({ expires }) => <Ago at={expires} />,
  },
  {
    id: "type",
    header: "Made by",
    width: 90,
    priority: 4,
    sort: typeText,
    text: typeText,
    cell: typeText,
  },
  {
    id: "gives",
    header: "Gives",
    width: 150,
    grow: 1,
    priority: 3,
    text: givesText,
    cell: givesText,
  },
  {
    id: "issued",
    header: "Made",
    width: 130,
    priority: 5,
    sort: ({ issuedAt }) => (issuedAt === undefined ? 0 : timestampMs(issuedAt)),
    cell: ({ issuedAt }) => <Ago at={issuedAt} />,
  },
];

function TokenLink({ token: { uuid, description } }: { token: Token }) {
  const { uuid: project } = useProject();
  return (
    <Link href={`/projects/${project}/tokens/${uuid}`} tabIndex={-1} title={description}>
      {description}
    </Link>
  );
}

const keyOf = ({ uuid }: Token): string => uuid;
const actions = (token: Token) => <TokenMenu token={token} />;

/** The caller's own tokens. */
export function Page() {
  const { uuid: project } = useProject();
  const { data, error, refetch } = useQuery(TokenService.method.list, {});
  const hrefOf = useCallback(({ uuid }: Token) => `/projects/${project}/tokens/${uuid}`, [project]);
  const newHref = `/projects/${project}/tokens/new`;
  return (
    <PageBody fill>
      <PageHeader title="Tokens">
        <Button component={Link} href={newHref} leftSection={<Icon name="plus" size={14} />} data-new>
          New token
        </Button>
      </PageHeader>
      {error !== null && data === undefined ? (
        <Problem error={error} what="Your tokens could not be listed" onRetry={() => void refetch()} />
      ) : (
        <VirtualTable
          label="Tokens"
          rows={data?.tokens}
          rowKey={keyOf}
          columns={columns}
          href={hrefOf}
          actions={actions}
          initialSort={{ column: "type", descending: false }}
          empty={
            <>
              <p>No tokens. Programs that call Slipway use one, with no more rights than they need.</p>
              <Button component={Link} href={newHref}>
                Make the first token
              </Button>
            </>
          }
        />
      )}
    </PageBody>
  );
}
