import { type Command, Option } from "commander";
import type { Secret, SecretServiceRevealResponse } from "../../gen/ts/deploy/v1/secret_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { wholeNumber } from "../flags.js";
import { enumValueOf, wordOf } from "../resources/enums.js";
import { environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addLabelChanges, changedLabels, type LabelFlags } from "../resources/labels.js";
import { lazy } from "../resources/lazy.js";
import { addDelete, addGet, addList, findId } from "../resources/resource.js";
import { addSecretValues, type SecretValueFlags, secretValues } from "../resources/secret-values.js";
import { type SecretPlace, secretResource, secrets } from "../resources/secrets.js";
import { addExpectedVersion, type VersionFlag } from "../resources/versions.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/secret_pb.js"));
const types = ["opaque", "tls", "registry", "cloud-credential"];

interface SetFlags extends SecretPlace, SecretValueFlags, LabelFlags, VersionFlag {
  readonly type?: string;
  readonly description?: string;
}

/** `slipway secret`: what deployments must know and nobody else. */
export function secretCommands(group: Command): void {
  addList(group, secretResource, "list the secrets of the project, without their content");
  addGet(group, secretResource, "show one secret without its content");
  addSet(group);
  addReveal(group);
  addDelete(group, secretResource, {
    description: "delete a secret that no release uses, with all its versions",
    question: (reference) => `Delete the secret ${reference} with all its versions?`,
    async remove(session, uuid, flags) {
      const place = { project: await session.project(), environment: await environmentOf(session, flags) };
      return (await (await secrets(session)).delete({ ...place, uuid })).secret;
    },
  });
}

function addSet(group: Command): void {
  const set = secretResource.flags?.(
    addSecretValues(addLabelChanges(addExpectedVersion(group.command("set"), "secret"))),
  );
  if (set === undefined) return;
  set
    .description("make a secret, or its next version: the values that are given are all that it holds from then on")
    .argument("<name>", "its name, or for a secret that is there its uuid")
    .argument("[values...]", "KEY=VALUE; others can see these in the list of processes, so rather use the flags")
    .addOption(new Option("--type <type>", "what a new one is; opaque unless told").choices(types))
    .option("--description <text>", "what it is for")
    .action(run(setSecret));
  setsFields(set, { data: "--from-file, --stdin", "data.values": "--from-file, --stdin", "labels.labels": "--label" });
  examples(
    set,
    'printf %s "$PASSWORD" | slipway secret set db --stdin password',
    "slipway secret set shop-tls --type tls --from-file tls.crt=cert.pem --from-file tls.key=key.pem",
    "slipway secret set db --from-env-file .env --environment prod",
  );
}

function addReveal(group: Command): void {
  const reveal = secretResource.flags?.(group.command("reveal"));
  if (reveal === undefined) return;
  reveal
    .description("print the content of a secret; every call is audited")
    .argument("<secret>", "its name or uuid")
    .option("--key <key>", "the value of this key alone, as it is")
    .option("--version-number <number>", "of this version; of the newest unless told", wholeNumber(1, 1_000_000))
    .action(run(revealSecret));
  setsFields(reveal, { version: "--version-number" });
  examples(reveal, "slipway secret reveal db --key password", "slipway secret reveal db --version-number 1 -o json");
}

async function setSecret(session: Session, reference: string, values: string[], flags: SetFlags): Promise<void> {
  const data = await secretValues(session, values, flags);
  const before = await existing(session, reference, flags);
  const secret =
    before === undefined ? await make(session, reference, data, flags) : await change(session, before, data, flags);
  if (secret !== undefined) await session.out.one(secretResource.kind, secret);
}

/** The secret of that name in the place that is meant, or none yet. */
async function existing(session: Session, reference: string, flags: SecretPlace): Promise<Secret | undefined> {
  const environment = await environmentOf(session, flags);
  const found = await secretResource.list(session, flags);
  const byId = found.find(({ uuid }) => uuid === reference.toLowerCase());
  // Without --environment that of the whole project is meant, not a namesake of an environment.
  const collection = flags.collection ?? "";
  const isMeant = (item: Secret) => item.name === reference && item.environment === environment;
  return byId ?? found.find((item) => isMeant(item) && item.collection === collection);
}

type Data = Record<string, Uint8Array> | undefined;

async function make(session: Session, name: string, data: Data, flags: SetFlags): Promise<Secret | undefined> {
  if (data === undefined) {
    throw new Failure("usage", `the secret ${name} needs values`, [
      "Give --from-file KEY=FILE, --stdin KEY or --from-env-file FILE.",
    ]);
  }
  const { SecretType } = await api();
  const { secret } = await (await secrets(session)).create({
    project: await session.project(),
    environment: await environmentOf(session, flags),
    collection: flags.collection ?? "",
    name,
    description: flags.description ?? "",
    type: enumValueOf(SecretType, flags.type ?? "opaque") ?? SecretType.OPAQUE,
    data: { values: data },
    labels: { ...flags.label },
  });
  return secret;
}

async function change(session: Session, before: Secret, data: Data, flags: SetFlags): Promise<Secret | undefined> {
  const { SecretType } = await api();
  if (flags.type !== undefined && enumValueOf(SecretType, flags.type) !== before.type) {
    throw new Failure("usage", `the secret ${before.name} is ${wordOf(SecretType, before.type)}, and stays so`);
  }
  const labels = changedLabels(before.labels, flags);
  const changes = given({
    description: flags.description,
    data: data === undefined ? undefined : { values: data },
    labels,
  });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway secret set --help lists what can be changed."]);
  }
  const expectedVersion = flags.expectedVersion ?? (labels === undefined ? undefined : before.version);
  const { secret } = await (await secrets(session)).update({
    project: before.project,
    environment: before.environment,
    uuid: before.uuid,
    ...changes,
    ...given({ expectedVersion }),
  });
  return secret;
}

async function revealSecret(
  session: Session,
  reference: string,
  flags: SecretPlace & { readonly key?: string; readonly versionNumber?: number },
): Promise<void> {
  const { key, versionNumber } = flags;
  const uuid = await findId(session, secretResource, reference, flags);
  const version = versionNumber === undefined ? undefined : BigInt(versionNumber);
  const place = { project: await session.project(), environment: await environmentOf(session, flags), uuid };
  const answer = await (await secrets(session)).reveal({ ...place, ...given({ key, version }) });
  await printContent(session, answer, key);
}

async function printContent(
  session: Session,
  answer: SecretServiceRevealResponse,
  key: string | undefined,
): Promise<void> {
  const { format } = session.out;
  const values = answer.data?.values ?? {};
  const value = key === undefined ? undefined : values[key];
  // What is piped on must be what was put in, to the byte.
  if (value !== undefined && (format === "table" || format === "name")) return void process.stdout.write(value);
  const { SecretServiceRevealResponseSchema } = await api();
  if (format === "json" || format === "yaml") {
    const kind = { schema: async () => SecretServiceRevealResponseSchema, name: () => "", columns: [] };
    return await session.out.one(kind, answer);
  }
  await session.out.plain(
    [
      { header: "KEY", value: ([name]) => name },
      { header: "VALUE", value: ([, content]) => Buffer.from(content).toString("utf8") },
    ],
    Object.entries(values),
    ([name]) => name,
  );
}
