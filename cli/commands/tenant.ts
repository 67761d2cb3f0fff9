import type { Command } from "commander";
import type { TenantSchema } from "../../gen/ts/api/v1/tenant_pb.js";
import { confirmed } from "../confirmed.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import type { Kind } from "../output.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { tenantOf } from "../resources/tenant-flag.js";
import { ageColumn } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/tenant_pb.js"));
const tenants = async (session: Session) => session.client((await api()).TenantService);

const kind: Kind<typeof TenantSchema> = {
  schema: async () => (await api()).TenantSchema,
  name: ({ login }) => login,
  columns: [
    { header: "LOGIN", value: ({ login }) => login },
    { header: "NAME", value: ({ name }) => name },
    { header: "ADMITTED", value: ({ admitted }) => (admitted ? "yes" : "no") },
    ageColumn(({ createdAt }) => createdAt),
    { header: "EMAIL", value: ({ email }) => email, wide: true },
    { header: "TERMS", value: ({ termsAndConditions }) => (termsAndConditions?.accepted ? "yes" : "no"), wide: true },
    { header: "CREATED-BY", value: ({ createdBy }) => createdBy, wide: true },
    { header: "DESCRIPTION", value: ({ description }) => description, wide: true },
  ],
};

interface Texts {
  readonly name?: string;
  readonly email?: string;
  readonly description?: string;
  readonly avatarUrl?: string;
  readonly acceptTerms?: boolean;
}

interface AdmissionFlags {
  readonly name: string;
  readonly email: string;
  readonly acceptTerms?: boolean;
  readonly emailConsent?: boolean;
}

/** `slipway tenant`: those who own projects and pay for them. */
export function tenantCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list your tenants")
    .action(run(async (session) => session.out.list(kind, (await (await tenants(session)).list({})).tenants)));
  group
    .command("get")
    .description("show one tenant, that of the chosen project unless named")
    .argument("[tenant]", "its login")
    .action(
      run(async (session, tenant: string | undefined) => {
        const login = await tenantOf(session, given({ tenant }));
        const answer = await (await tenants(session)).get({ login });
        if (answer.tenant !== undefined) await session.out.one(kind, answer.tenant);
      }),
    );
  addChanges(group);
  group
    .command("delete")
    .description("delete a tenant without projects")
    .argument("<tenant>", "its login")
    .option("-y, --yes", "do not ask")
    .action(
      run(async (session, login: string, options: { readonly yes?: boolean }) => {
        await confirmed(options, `Delete the tenant ${login}?`);
        const { tenant } = await (await tenants(session)).delete({ login });
        if (tenant !== undefined) await session.out.one(kind, tenant);
      }),
    );
}

function addChanges(group: Command): void {
  const create = group
    .command("create")
    .description("create a tenant for an organization; you become its owner")
    .argument("<login>", "its id, which never changes")
    .option("--name <name>", "its name; the login unless told")
    .option("--email <address>", "where it is written to")
    .option("--description <text>", "what it is")
    .option("--avatar-url <url>", "where its picture is")
    .action(run(createTenant));
  setsFields(create, {
    "tenant.login": "<login>",
    "tenant.name": "--name",
    "tenant.email": "--email",
    "tenant.description": "--description",
    "tenant.avatar_url": "--avatar-url",
  });
  examples(create, "slipway tenant create acme --name 'Acme Ltd' --email it@acme.example");
  const update = group
    .command("update")
    .description("change a tenant")
    .argument("<tenant>", "its login")
    .option("--name <name>", "its name")
    .option("--email <address>", "where it is written to")
    .option("--description <text>", "what it is")
    .option("--avatar-url <url>", "where its picture is")
    .option("--accept-terms", "accept the terms and conditions")
    .action(run(updateTenant));
  setsFields(update, { accept_terms_and_conditions: "--accept-terms", login: "<tenant>" });
  addAdmission(group);
}

function addAdmission(group: Command): void {
  const request = group
    .command("request-admission")
    .description("ask the operators to let a tenant use what costs money")
    .argument("<tenant>", "its login")
    .requiredOption("--name <name>", "who asks")
    .requiredOption("--email <address>", "where the answer goes")
    .option("--accept-terms", "accept the terms and conditions")
    .option("--email-consent", "agree to be written to")
    .action(run(requestAdmission));
  setsFields(request, { accepted_terms_and_conditions: "--accept-terms", login: "<tenant>" });
  examples(request, "slipway tenant request-admission acme --name 'Ada' --email ada@acme.example --accept-terms");
}

async function createTenant(session: Session, login: string, flags: Texts): Promise<void> {
  const { name = login, email, description, avatarUrl } = flags;
  const more = given({ email, description, avatarUrl });
  const { tenant } = await (await tenants(session)).create({ tenant: { login, name, ...more } });
  if (tenant !== undefined) await session.out.one(kind, tenant);
}

async function updateTenant(session: Session, login: string, flags: Texts): Promise<void> {
  const { name, email, description, avatarUrl, acceptTerms } = flags;
  const changes = given({ name, email, description, avatarUrl, acceptTermsAndConditions: acceptTerms });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway tenant update --help lists what can be changed."]);
  }
  const { tenant } = await (await tenants(session)).update({ login, ...changes });
  if (tenant !== undefined) await session.out.one(kind, tenant);
}

async function requestAdmission(session: Session, login: string, flags: AdmissionFlags): Promise<void> {
  await (await tenants(session)).requestAdmission({
    login,
    name: flags.name,
    email: flags.email,
    acceptedTermsAndConditions: flags.acceptTerms === true,
    emailConsent: flags.emailConsent === true,
  });
  session.note(`asked to admit ${login}`);
}
