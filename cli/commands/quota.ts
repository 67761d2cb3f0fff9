import { type Command, InvalidArgumentError } from "commander";
import type { QuotaSchema } from "../../gen/ts/deploy/v1/quota_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { deploymentIdOf } from "../resources/deployments.js";
import { type EnvironmentFlag, environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import type { TenantFlag } from "../resources/tenant-flag.js";
import { ageOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/quota_pb.js"));
const quotas = async (session: Session) => session.client((await api()).QuotaService);

const kind: Kind<typeof QuotaSchema> = {
  schema: async () => (await api()).QuotaSchema,
  name: ({ deploymentsLimit }) => String(deploymentsLimit),
  columns: [
    { header: "DEPLOYMENTS", value: ({ deploymentsInUse }) => String(deploymentsInUse) },
    { header: "LIMIT", value: ({ deploymentsLimit }) => limitOf(deploymentsLimit) },
    { header: "UNITS", value: ({ unitsInUse }) => String(unitsInUse) },
    { header: "LIMIT", value: ({ unitsLimit }) => limitOf(unitsLimit) },
    { header: "CHANGED", value: ({ updatedAt }) => ageOf(updatedAt), wide: true },
  ],
};

interface Place extends TenantFlag, EnvironmentFlag {
  readonly deployment?: string;
}

interface SetFlags extends Place {
  readonly deployments?: bigint;
  readonly units?: bigint;
}

/** `slipway quota`: how much a tenant, project, environment or deployment may have. */
export function quotaCommands(group: Command): void {
  addPlace(group.command("get"))
    .description("show the quota of the project, or of one of these")
    .action(
      run(async (session, flags: Place) => {
        const { quota } = await (await quotas(session)).get(await placeOf(session, flags));
        if (quota !== undefined) await session.out.one(kind, quota);
      }),
    );
  const set = addPlace(group.command("set"))
    .description("set the quota of the project, or of one of these; what is not named stays")
    .option("--deployments <count>", "how many deployments at most, or none for no limit", limit)
    .option("--units <count>", "how many units at most, likewise", limit)
    .action(run(setQuota));
  setsFields(set, {
    deployments_limit: "--deployments",
    units_limit: "--units",
    environment_uuid: "--environment",
    deployment_uuid: "--deployment",
  });
  examples(set, "slipway quota set --deployments 20", "slipway quota set --environment staging --units none");
}

function addPlace(command: Command): Command {
  return command
    .option("--tenant <login>", "of this tenant")
    .option("--environment <environment>", "of this environment: its name or uuid")
    .option("--deployment <deployment>", "of this deployment: its name or uuid");
}

async function setQuota(session: Session, flags: SetFlags): Promise<void> {
  const limits = given({ deploymentsLimit: flags.deployments, unitsLimit: flags.units });
  if (Object.keys(limits).length === 0) {
    throw new Failure("usage", "nothing to set", ["Give --deployments or --units."]);
  }
  const { login, project, environment, deployment } = await placeOf(session, flags);
  const place = { tenant: login, project, environmentUuid: environment, deploymentUuid: deployment };
  const { quota } = await (await quotas(session)).set({ ...place, ...limits });
  if (quota !== undefined) await session.out.one(kind, quota);
}

/** Either a tenant, or the project with what is in it. */
async function placeOf(session: Session, flags: Place) {
  if (flags.tenant !== undefined) return { login: flags.tenant, project: "", environment: "", deployment: "" };
  const environment = await environmentOf(session, flags);
  const deployment = flags.deployment === undefined ? "" : await deploymentIdOf(session, flags.deployment, flags);
  return { login: "", project: await session.project(), environment: deployment === "" ? environment : "", deployment };
}

function limit(text: string): bigint {
  if (text === "none") return -1n;
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, or none.");
  return BigInt(text);
}

const limitOf = (value: bigint): string => (value < 0n ? "none" : String(value));
