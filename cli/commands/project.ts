import type { Command } from "commander";
import type { ProjectSchema } from "../../gen/ts/api/v1/project_pb.js";
import { changeConfig, withContext } from "../config-file.js";
import { confirmed } from "../confirmed.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { resolveProject } from "../project.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { addTenant, type TenantFlag, tenantOf } from "../resources/tenant-flag.js";
import { ageColumn } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { contextNamed } from "../settings.js";

const api = lazy(() => import("../../gen/ts/api/v1/project_pb.js"));
const projects = async (session: Session) => session.client((await api()).ProjectService);

const kind: Kind<typeof ProjectSchema> = {
  schema: async () => (await api()).ProjectSchema,
  name: ({ tenant, name }) => `${tenant}/${name}`,
  columns: [
    { header: "NAME", value: ({ name }) => name },
    { header: "TENANT", value: ({ tenant }) => tenant },
    { header: "DEFAULT", value: ({ isDefaultProject }) => (isDefaultProject ? "yes" : "no") },
    { header: "UUID", value: ({ uuid }) => uuid },
    ageColumn(({ createdAt }) => createdAt),
    { header: "DESCRIPTION", value: ({ description }) => description, wide: true },
  ],
};

interface Texts {
  readonly name?: string;
  readonly description?: string;
  readonly avatarUrl?: string;
}

const reference = "its name, TENANT/NAME or uuid";

/** `slipway project`: what clusters, addresses and deployments belong to. */
export function projectCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list your projects")
    .option("--tenant <login>", "only those of this tenant")
    .action(
      run(async (session, { tenant }: TenantFlag) => {
        await session.out.list(kind, (await (await projects(session)).list(given({ tenant }))).projects);
      }),
    );
  group
    .command("get")
    .description("show one project, the chosen one unless named")
    .argument("[project]", reference)
    .action(
      run(async (session, named: string | undefined) => {
        const { project } = await (await projects(session)).get({ project: await meant(session, named) });
        if (project !== undefined) await session.out.one(kind, project);
      }),
    );
  addChanges(group);
  const use = group
    .command("use")
    .description("work in a project from now on: the context in use keeps it")
    .argument("<project>", reference)
    .action(run(useProject));
  examples(use, "slipway project use shop", "slipway project use acme/shop");
}

function addChanges(group: Command): void {
  const create = addTenant(group.command("create"))
    .description("create a project")
    .argument("<name>", "its name, unique in its tenant")
    .option("--description <text>", "what it is for")
    .option("--avatar-url <url>", "where its picture is")
    .action(run(createProject));
  setsFields(create, { login: "--tenant" });
  examples(
    create,
    "slipway project create shop",
    "slipway project create shop --tenant acme --description 'the web shop'",
  );
  const update = group
    .command("update")
    .description("change a project")
    .argument("<project>", reference)
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--avatar-url <url>", "where its picture is")
    .action(run(updateProject));
  examples(update, "slipway project update shop --description 'the web shop'");
  group
    .command("delete")
    .description("delete a project with nothing in it")
    .argument("<project>", reference)
    .option("-y, --yes", "do not ask")
    .action(
      run(async (session, named: string, options: { readonly yes?: boolean }) => {
        const project = await meant(session, named);
        await confirmed(options, `Delete the project ${named}?`);
        const answer = await (await projects(session)).delete({ project });
        if (answer.project !== undefined) await session.out.one(kind, answer.project);
      }),
    );
}

async function createProject(session: Session, name: string, flags: Texts & TenantFlag): Promise<void> {
  const { description = "", avatarUrl } = flags;
  const login = await tenantOf(session, flags);
  const { project } = await (await projects(session)).create({ login, name, description, ...given({ avatarUrl }) });
  if (project !== undefined) await session.out.one(kind, project);
}

async function updateProject(session: Session, named: string, flags: Texts): Promise<void> {
  const { name, description, avatarUrl } = flags;
  const changes = given({ name, description, avatarUrl });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["Give --name, --description or --avatar-url."]);
  }
  const { project } = await (await projects(session)).update({ project: await meant(session, named), ...changes });
  if (project !== undefined) await session.out.one(kind, project);
}

async function useProject(session: Session, named: string): Promise<void> {
  const { context } = await session.settings();
  if (context === undefined) {
    throw new Failure("usage", "no context is in use that could keep the project", [
      "Sign in with slipway login, or set SLIPWAY_PROJECT instead.",
    ]);
  }
  const { project } = await (await projects(session)).get({ project: await meant(session, named) });
  if (project === undefined) return;
  // The uuid outlives new names, and needs not be looked up again.
  await changeConfig((config) => withContext(config, { ...contextNamed(config, context.name), project: project.uuid }));
  session.note(`using project ${kind.name(project)} in context ${context.name}`);
}

const meant = (session: Session, named: string | undefined): Promise<string> =>
  named === undefined ? session.project() : resolveProject(named, session.client);
