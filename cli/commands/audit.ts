import { type Command, Option } from "commander";
import type { AuditTraceSchema } from "../../gen/ts/api/v1/audit_pb.js";
import { setsFields } from "../fields.js";
import { wholeNumber } from "../flags.js";
import { enumValueOf, wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { addList, type Resource } from "../resources/resource.js";
import { addTenant, type TenantFlag, tenantOf } from "../resources/tenant-flag.js";
import { isoOf, type Moment, pastMoment } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/audit_pb.js"));
const audit = async (session: Session) => session.client((await api()).AuditService);

interface AuditFilter extends TenantFlag {
  readonly from?: Moment;
  readonly to?: Moment;
  readonly user?: string;
  readonly method?: string;
  readonly sourceIp?: string;
  readonly resultCode?: number;
  readonly body?: string;
  readonly phase?: string;
  readonly limit?: number;
}

const resource: Resource<typeof AuditTraceSchema, AuditFilter> = {
  noun: "record",
  group: "audit",
  flags: addTenant,
  kind: {
    schema: async () => (await api()).AuditTraceSchema,
    name: ({ uuid }) => uuid,
    columns: [
      { header: "TIME", value: ({ timestamp }) => isoOf(timestamp) },
      { header: "USER", value: ({ user }) => user },
      { header: "METHOD", value: ({ method }) => method },
      { header: "PHASE", value: ({ phase }) => wordOf(api.now().AuditPhase, phase) },
      { header: "CODE", value: ({ resultCode }) => resultCode },
      { header: "SOURCE-IP", value: ({ sourceIp }) => sourceIp },
      { header: "PROJECT", value: ({ project }) => project, wide: true },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "BODY", value: ({ body }) => body, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  list: listTraces,
  async get(session, uuid, flags) {
    const { phase } = flags;
    const order = { login: await tenantOf(session, flags), uuid, ...(await phaseOf(phase)) };
    return (await (await audit(session)).get(order)).trace;
  },
};

const phases = () =>
  new Option("--phase <phase>", "the record of the call or of its result").choices(["request", "response"]);

/** `slipway audit`: who did what. */
export function auditCommands(group: Command): void {
  const list = addList(
    group,
    resource,
    "list what was called in a tenant, newest first; only what concerns --project if it is given",
    (command) =>
      command
        .option("--from <time>", "from this time on: 2026-05-01T12:00:00Z, or so long ago, as in 2h", pastMoment)
        .option("--to <time>", "until this time, likewise", pastMoment)
        .option("--user <login>", "only calls of this user")
        .option("--method <method>", "only calls of this method, as in /api.v1.ClusterService/Create")
        .option("--source-ip <address>", "only calls from this address")
        .option("--result-code <code>", "only calls with this result; 0 is success", wholeNumber(0, 16))
        .option("--body <text>", "only records whose body has this text")
        .addOption(phases())
        .option("--limit <count>", "how many at most", wholeNumber(1, 10_000)),
  );
  setsFields(list, { login: "--tenant" });
  examples(list, "slipway audit list --from 24h --user ada@github", "slipway audit list --result-code 7 -o wide");
  addTenant(group.command("get"))
    .description("show one record")
    .argument("<uuid>", "its uuid")
    .addOption(phases())
    .action(
      run(async (session, uuid: string, flags: AuditFilter) => {
        const trace = await resource.get(session, uuid, flags);
        if (trace !== undefined) await session.out.one(resource.kind, trace);
      }),
    );
}

async function listTraces(session: Session, flags: AuditFilter) {
  const { from, to, user, method, sourceIp, resultCode, body, limit } = flags;
  const project = session.flags.project === undefined ? undefined : await session.project();
  const filters = given({ from, to, user, method, sourceIp, resultCode, body, limit, project });
  const login = await tenantOf(session, flags);
  return (await (await audit(session)).list({ login, ...filters, ...(await phaseOf(flags.phase)) })).traces;
}

async function phaseOf(phase: string | undefined) {
  return phase === undefined ? {} : given({ phase: enumValueOf((await api()).AuditPhase, phase) });
}
