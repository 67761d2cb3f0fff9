import type { Command } from "commander";
import type { ObjectDifferenceSchema } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import { setsFields } from "../../fields.js";
import { pairs, several, wholeNumber } from "../../flags.js";
import type { Kind } from "../../output.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { addConfig, addUnset, type ConfigFlags, patchFields, patchOf, type UnsetFlags } from "../config-patch.js";
import { deploymentResource, deployments, placeOf } from "../deployments.js";
import { wordOf } from "../enums.js";
import { addEnvironment, type EnvironmentFlag } from "../environments.js";
import { examples } from "../examples.js";
import { given } from "../given.js";
import { lazy } from "../lazy.js";
import { printLive } from "../live.js";
import { findOne } from "../resource.js";
import { addProcessesFile, processesFrom } from "./processes.js";
import { addSource, type SourceFlags, sourceFields, sourceFrom } from "./source.js";

const api = lazy(() => import("../../../gen/ts/deploy/v1/deployment_pb.js"));

const differenceKind: Kind<typeof ObjectDifferenceSchema> = {
  schema: async () => (await api()).ObjectDifferenceSchema,
  name: ({ object }) => `${object?.kind ?? ""}/${object?.name ?? ""}`,
  columns: [
    { header: "KIND", value: ({ object }) => object?.kind },
    { header: "NAME", value: ({ object }) => object?.name },
    { header: "DIFFERENCE", value: ({ difference }) => wordOf(api.now().DifferenceKind, difference) },
    { header: "FIELDS", value: ({ fields }) => fields.map(({ path }) => path).join(",") },
    { header: "MESSAGE", value: ({ message }) => message },
    {
      header: "CHANGES",
      value: ({ fields }) => fields.map(({ path, before, after }) => `${path}: ${before} -> ${after}`).join("; "),
      wide: true,
    },
  ],
};

interface PreviewFlags extends EnvironmentFlag, SourceFlags, ConfigFlags, UnsetFlags {
  readonly processes?: string;
  readonly rollbackTo?: number;
}

/** Adds `watch`, `info`, `preview` and `credentials`. */
export function addLooks(group: Command): void {
  const watch = addEnvironment(group.command("watch"))
    .description("show a deployment, or all of the project, and each change until Ctrl-C")
    .argument("[deployment]", "its name or uuid")
    .action(run(watchDeployments));
  examples(watch, "slipway deployment watch web", "slipway deployment watch -o json");
  addEnvironment(group.command("info"))
    .description("tell where a deployment is reached: URLs, services and instances")
    .argument("<deployment>", "its name or uuid")
    .action(run(showInfo));
  addPreview(group);
  const credentials = addEnvironment(group.command("credentials"))
    .description("print the sensitive variables of a deployment; every call is audited")
    .argument("<deployment>", "its name or uuid")
    .option("--variable <name>", "the value of this one alone, as it is")
    .action(run(revealCredentials));
  examples(credentials, "slipway deployment credentials api --variable DB_PASSWORD");
}

function addPreview(group: Command): void {
  const preview = addUnset(addConfig(addProcessesFile(addSource(addEnvironment(group.command("preview"))))))
    .description("tell what a change would do to each object on the target, and change nothing")
    .argument("<deployment>", "its name or uuid")
    .option("--env <name=value>", "set a variable; may come several times", pairs)
    .option("--unset-env <name>", "unset a variable; may come several times", several)
    .option("--rollback-to <release>", "what going back to this release would do", wholeNumber(1, 2_147_483_647))
    .action(run(previewDeployment));
  setsFields(preview, { ...sourceFields, ...patchFields("config.", "--env") });
  examples(preview, "slipway deployment preview web --image nginxinc/nginx-unprivileged:1.28 -o wide");
}

async function watchDeployments(session: Session, named: string | undefined, flags: EnvironmentFlag): Promise<void> {
  const client = await deployments(session);
  await api();
  const place =
    named === undefined
      ? { project: await session.project(), environment: "", deployment: "" }
      : await placeOf(session, named, flags);
  const open = (resumeToken: string, signal: AbortSignal) => client.watch({ ...place, resumeToken }, { signal });
  await printLive(session, deploymentResource.kind, open, ({ deployment }) =>
    deployment === undefined ? [] : [deployment],
  );
}

async function showInfo(session: Session, reference: string, flags: EnvironmentFlag): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const { urls, endpoints, instances } = await (await deployments(session)).getConnectionInfo(place);
  const rows = [
    ...urls.map((at) => ({ type: "url", at, name: "" })),
    ...endpoints.map(({ host, port, name, portName }) => ({
      type: "service",
      at: `${host}:${port}`,
      name: `${name} ${portName}`,
    })),
    ...instances.map((at) => ({ type: "instance", at, name: "" })),
  ];
  await session.out.plain(
    [
      { header: "TYPE", value: ({ type }) => type },
      { header: "AT", value: ({ at }) => at },
      { header: "NAME", value: ({ name }) => name },
    ],
    rows,
    (row) => row,
  );
}

async function previewDeployment(session: Session, reference: string, flags: PreviewFlags): Promise<void> {
  const before = await findOne(session, deploymentResource, reference, given({ environment: flags.environment }));
  const place = await placeOf(session, before.uuid, flags);
  const { processes, rollbackTo } = flags;
  const answer = await (await deployments(session)).preview({
    ...place,
    rollbackTo: rollbackTo ?? 0,
    ...given({
      source: await sourceFrom(session, flags, before.environment, before.source),
      processes: processes === undefined ? undefined : { processes: await processesFrom({ processes }) },
      config: await patchOf(session, flags, before.environment),
    }),
  });
  await api();
  for (const note of answer.notes) session.note(note);
  await session.out.list(differenceKind, answer.objects);
}

async function revealCredentials(
  session: Session,
  reference: string,
  { variable = "", ...flags }: EnvironmentFlag & { readonly variable?: string },
): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const { values } = await (await deployments(session)).revealCredentials({ ...place, variable });
  const { format } = session.out;
  const only = values[variable];
  if (only !== undefined && (format === "table" || format === "name")) return void process.stdout.write(`${only}\n`);
  await session.out.plain(
    [
      { header: "VARIABLE", value: ([name]) => name },
      { header: "VALUE", value: ([, value]) => value },
    ],
    Object.entries(values),
    ([name, value]) => ({ name, value }),
  );
}
