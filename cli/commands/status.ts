import type { Command } from "commander";
import type { HealthStatus } from "../../gen/ts/api/v1/health_pb.js";
import type { MessageSchema } from "../../gen/ts/status/v1/message_pb.js";
import type {
  StatusServiceGetResponseSchema,
  StatusServiceWatchResponseSchema,
} from "../../gen/ts/status/v1/status_pb.js";
import type { Kind } from "../output.js";
import { wordOf } from "../resources/enums.js";
import { lazy } from "../resources/lazy.js";
import { printLive } from "../resources/live.js";
import { isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import type { Column } from "../table.js";

const api = lazy(() => import("../../gen/ts/status/v1/status_pb.js"));
const health = lazy(() => import("../../gen/ts/api/v1/health_pb.js"));
const messages = lazy(() => import("../../gen/ts/status/v1/message_pb.js"));

/** What both answers have. */
interface Status {
  readonly health?: undefined | { readonly services: readonly HealthStatus[] };
  readonly overallStatus: number;
  readonly connectionBroken: boolean;
  readonly apiVersion: string;
}

const columns: readonly Column<Status>[] = [
  { header: "STATUS", value: ({ overallStatus }) => wordOf(health.now().ServiceStatus, overallStatus) },
  { header: "CLUSTERS", value: ofService(1) },
  { header: "VOLUMES", value: ofService(2) },
  { header: "MACHINES", value: ofService(3) },
  { header: "API-VERSION", value: ({ apiVersion }) => apiVersion },
  { header: "MESSAGES", value: reasonsOf, wide: true },
];

const statusKind: Kind<typeof StatusServiceGetResponseSchema> = {
  schema: async () => (await api()).StatusServiceGetResponseSchema,
  name: ({ overallStatus }) => wordOf(health.now().ServiceStatus, overallStatus),
  columns,
};

const watchKind: Kind<typeof StatusServiceWatchResponseSchema> = {
  schema: async () => (await api()).StatusServiceWatchResponseSchema,
  name: ({ overallStatus }) => wordOf(health.now().ServiceStatus, overallStatus),
  columns,
};

const messageKind: Kind<typeof MessageSchema> = {
  schema: async () => (await messages()).MessageSchema,
  name: ({ id }) => id,
  columns: [
    { header: "TIME", value: ({ timestamp }) => isoOf(timestamp) },
    { header: "KIND", value: ({ kind }) => wordOf(messages.now().MessageKind, kind) },
    { header: "TEXT", value: ({ text }) => text },
    { header: "LAST-REPLY", value: ({ replies }) => replies.at(-1)?.text },
    { header: "ID", value: ({ id }) => id, wide: true },
  ],
};

/** `slipway status`: how the platform is; nobody needs a token for it. */
export function statusCommands(group: Command): void {
  group
    .command("show")
    .description("tell how the platform is")
    .action(
      run(async (session) => {
        await health();
        await session.out.one(statusKind, await (await session.client((await api()).StatusService)).get({}));
      }),
    );
  group
    .command("watch")
    .description("tell how the platform is, and each change, until Ctrl-C")
    .action(run(watchStatus));
  group
    .command("messages")
    .description("list what the operators tell: incidents and changes, pinned ones first")
    .action(run(listMessages));
}

async function watchStatus(session: Session): Promise<void> {
  await health();
  const client = await session.client((await api()).StatusService);
  const open = (_: string, signal: AbortSignal) => client.watch({}, { signal });
  await printLive(session, watchKind, open, (status) => [status]);
}

async function listMessages(session: Session): Promise<void> {
  const client = await session.client((await messages()).MessageService);
  const { items, pinnedItems } = await client.list({});
  const pinned = new Set(pinnedItems.map(({ id }) => id));
  await session.out.list(messageKind, [...pinnedItems, ...items.filter(({ id }) => !pinned.has(id))]);
}

function ofService(name: number): (status: Status) => string {
  return ({ health: found }) => {
    const service = found?.services.find((each) => Number(each.name) === name);
    return service === undefined ? "" : wordOf(health.now().ServiceStatus, service.status);
  };
}

function reasonsOf({ health: found }: Status): string {
  return (found?.services ?? [])
    .filter(({ message }) => message !== "")
    .map(({ message }) => message)
    .join("; ");
}
