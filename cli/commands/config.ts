import type { Command } from "commander";
import type { Configuration, Variable } from "../../gen/ts/deploy/v1/spec_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { pairs, wholeNumber } from "../flags.js";
import { addChange, type ChangeFlags, changeFields, optionsOf, settle } from "../resources/change.js";
import {
  addConfig,
  addUnset,
  type ConfigFlags,
  patchFields,
  patchOf,
  type UnsetFlags,
} from "../resources/config-patch.js";
import { deploymentResource } from "../resources/deployments.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { showRelease } from "../resources/releases.js";
import { findOne } from "../resources/resource.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const configs = async (session: Session) =>
  session.client((await import("../../gen/ts/deploy/v1/config_pb.js")).ConfigService);

type SetFlags = EnvironmentFlag & ChangeFlags & ConfigFlags;
type RemoveFlags = EnvironmentFlag & ChangeFlags & UnsetFlags;

/** `slipway config`: variables, files and mounts of secrets of a deployment. */
export function configCommands(group: Command): void {
  addEnvironment(group.command("get"))
    .description("show the configuration of a deployment; sensitive values are left out")
    .argument("<deployment>", "its name or uuid")
    .option("--release <number>", "that of this release; of the active one unless told", wholeNumber(1, 2_147_483_647))
    .action(run(getConfig));
  const set = addConfig(addChange(addEnvironment(group.command("set"))))
    .description("set variables, files and mounts; that makes a release")
    .argument("<deployment>", "its name or uuid")
    .argument("[variables...]", "NAME=VALUE; what is sensitive comes by the flags")
    .action(run(setConfig));
  setsFields(set, { ...patchFields("patch.", "<variables>"), ...changeFields });
  examples(
    set,
    "slipway config set web GREETING=hello MODE=test --wait",
    "slipway config set api --secret DB_PASSWORD=db:password",
    "slipway config set api --sensitive-stdin API_KEY < key.txt",
    "slipway config set web --file /etc/web/site.conf=site.conf --mount /etc/tls=shop-tls",
  );
  const unset = addUnset(addChange(addEnvironment(group.command("unset"))))
    .description("take variables, files and mounts away; that makes a release")
    .argument("<deployment>", "its name or uuid")
    .argument("[names...]", "names of variables")
    .action(run(unsetConfig));
  setsFields(unset, { "patch.unset_variables": "<names>", "patch.unset_files": "--unset-file", ...changeFields });
  examples(unset, "slipway config unset web GREETING --wait");
}

async function getConfig(
  session: Session,
  reference: string,
  flags: EnvironmentFlag & { readonly release?: number },
): Promise<void> {
  const { deployment, environment } = await found(session, reference, flags);
  const place = { project: deployment.project, environment, deployment: deployment.uuid };
  const answer = await (await configs(session)).get({ ...place, release: flags.release ?? 0 });
  const { format } = session.out;
  const { ConfigurationSchema } = await import("../../gen/ts/deploy/v1/spec_pb.js");
  if (answer.configuration === undefined) return session.note(`${reference} has no configuration`);
  if (format === "json" || format === "yaml") {
    const kind = { schema: async () => ConfigurationSchema, name: () => "", columns: [] };
    return await session.out.one(kind, answer.configuration);
  }
  await printParts(session, answer.configuration);
  session.note(`as of release ${answer.release}`);
}

async function printParts(session: Session, { variables, files, secretMounts }: Configuration): Promise<void> {
  const rows = [
    ...variables.map((variable) => ({ type: "variable", name: variable.name, value: valueIn(variable) })),
    ...files.map(({ path, content }) => ({ type: "file", name: path, value: `${content.length} characters` })),
    ...secretMounts.map(({ path, secret, version }) => ({
      type: "mount",
      name: path,
      value: `secret ${secret}${version === 0n ? "" : `@${version}`}`,
    })),
  ];
  await session.out.plain(
    [
      { header: "NAME", value: ({ name }) => name },
      { header: "VALUE", value: ({ value }) => value },
      { header: "TYPE", value: ({ type }) => type },
    ],
    rows,
    (row) => row,
  );
}

function valueIn({ value, sensitive, secret }: Variable): string {
  if (secret !== undefined)
    return `secret ${secret.secret}:${secret.key}${secret.version === 0n ? "" : `@${secret.version}`}`;
  return sensitive ? "(sensitive)" : value;
}

async function setConfig(session: Session, reference: string, variables: string[], flags: SetFlags): Promise<void> {
  let env: Record<string, string> = {};
  for (const text of variables) {
    // What follows the = may be secret, so that it is not repeated.
    if (text.indexOf("=") < 1) throw new Failure("usage", "a variable must be NAME=VALUE");
    env = pairs(text, env);
  }
  await change(session, reference, flags, { ...flags, env });
}

async function unsetConfig(session: Session, reference: string, names: string[], flags: RemoveFlags): Promise<void> {
  await change(session, reference, flags, { ...flags, unsetEnv: names });
}

async function change(
  session: Session,
  reference: string,
  flags: EnvironmentFlag & ChangeFlags,
  changes: ConfigFlags & UnsetFlags,
): Promise<void> {
  const { deployment, environment } = await found(session, reference, flags);
  const patch = await patchOf(session, changes, deployment.environment);
  if (patch === undefined)
    throw new Failure("usage", "nothing to change", ["Name variables, or see --help for the rest."]);
  const order = {
    project: deployment.project,
    environment,
    deployment: deployment.uuid,
    patch,
    options: optionsOf(flags),
  };
  const { release, task } = await (await configs(session)).update(order);
  const isSettled = await settle(session, flags, { tasks: [task], title: `deployment ${deployment.name}` });
  if (release !== undefined) await showRelease(session, release, isSettled ? environment : undefined);
}

async function found(session: Session, reference: string, flags: EnvironmentFlag) {
  const environment = await environmentOf(session, flags);
  const deployment = await findOne(session, deploymentResource, reference, given({ environment: flags.environment }));
  return { deployment, environment };
}
