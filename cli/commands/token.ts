import type { Command } from "commander";
import type { Token, TokenSchema } from "../../gen/ts/api/v1/token_pb.js";
import { setsFields } from "../fields.js";
import { duration, pairs } from "../flags.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addGrants, type GrantFlags, grantFields, grantsOf, roleListOf } from "../resources/grants.js";
import { lazy } from "../resources/lazy.js";
import { addDelete, addList, findOne, type Resource } from "../resources/resource.js";
import { printSecretOnce } from "../resources/secret-output.js";
import { ageColumn, isoOf } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/token_pb.js"));
const common = lazy(() => import("../../gen/ts/api/v1/common_pb.js"));
const tokens = async (session: Session) => session.client((await api()).TokenService);

interface CreateFlags extends GrantFlags {
  readonly expires?: number;
}

interface UpdateFlags extends GrantFlags {
  readonly description?: string;
}

const resource: Resource<typeof TokenSchema> = {
  noun: "token",
  group: "token",
  reference: "its description or uuid",
  kind: {
    schema: async () => (await api()).TokenSchema,
    name: ({ uuid }) => uuid,
    columns: [
      { header: "UUID", value: ({ uuid }) => uuid },
      { header: "DESCRIPTION", value: ({ description }) => description },
      { header: "TYPE", value: ({ tokenType }) => wordOf(api.now().TokenType, tokenType) },
      { header: "EXPIRES", value: ({ expires }) => isoOf(expires) },
      ageColumn(({ issuedAt }) => issuedAt),
      { header: "ROLES", value: rolesOf, wide: true },
      { header: "PERMISSIONS", value: permissionsOf, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session) {
    await common();
    return (await (await tokens(session)).list({})).tokens;
  },
  async get(session, uuid) {
    await common();
    return (await (await tokens(session)).get({ uuid })).token;
  },
};

/** Descriptions name tokens for their owner; they need not be unique. */
const byDescription: typeof resource = {
  ...resource,
  kind: { ...resource.kind, name: ({ description }) => description },
};

/** `slipway token`: your own tokens, for programs. */
export function tokenCommands(group: Command): void {
  addList(group, resource, "list your tokens; none shows its secret");
  group
    .command("get")
    .description("show one token, without its secret")
    .argument("<token>", "its description or uuid")
    .action(
      run(async (session, reference: string) =>
        session.out.one(resource.kind, await findOne(session, byDescription, reference, {})),
      ),
    );
  addCreate(group);
  const update = addGrants(group.command("update"))
    .description("change what a token may do; its secret stays valid, and what is not named stays")
    .argument("<token>", "its description or uuid")
    .option("--description <text>", "what it is for")
    .action(run(updateToken));
  setsFields(update, grantFields);
  addDelete(group, byDescription, {
    verb: "revoke",
    description: "end a token at once, everywhere",
    question: (reference) => `Revoke the token ${reference}? Whatever uses it is locked out at once.`,
    async remove(session, uuid) {
      await (await tokens(session)).revoke({ uuid });
      session.note(`revoked ${uuid}`);
      return undefined;
    },
  });
  group.command("methods").description("list the methods that can be permitted").action(run(listMethods));
}

function addCreate(group: Command): void {
  const create = addGrants(group.command("create"))
    .description("make a token for a program; its secret is printed once, alone on stdout")
    .argument("<description>", "what it is for")
    .option(
      "--role <subject=role>",
      "a role on a project (TENANT/NAME or uuid), a tenant or * (all); may come several times",
      pairs,
    )
    .option("--expires <duration>", "how long it is valid, from 10m to 365d; 8 hours unless told", duration)
    .action(run(createToken));
  setsFields(create, grantFields);
  examples(
    create,
    "slipway token create ci --project-role shop=editor --expires 90d > token.txt",
    "slipway token create backup --role '*=viewer' -o json",
    "slipway token create probe --permission '*=api.v1.ClusterService/Get,api.v1.ClusterService/List'",
  );
}

async function createToken(session: Session, description: string, flags: CreateFlags): Promise<void> {
  const { adminRole, ...grants } = await grantsOf(session, flags);
  const { expires: ms } = flags;
  const expires = ms === undefined ? undefined : { seconds: BigInt(Math.round(ms / 1_000)) };
  const roles = await roleListOf(session, flags);
  const order = { description, roles, ...grants, ...given({ adminRole, expires }) };
  const answer = await (await tokens(session)).create(order);
  const { TokenServiceCreateResponseSchema } = await api();
  await printSecretOnce(session, TokenServiceCreateResponseSchema, answer, {
    secret: answer.secret,
    remark: `token ${answer.token?.uuid ?? ""} is valid until ${isoOf(answer.token?.expires)}; it is shown only now:`,
  });
}

async function updateToken(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const before = await findOne(session, byDescription, reference, {});
  const grants = await grantsOf(session, flags);
  // The request has all that the token gives: what no flag names is sent as it is.
  const kept = <T extends object>(flag: unknown, changed: T, present: T): T => (flag === undefined ? present : changed);
  const { token } = await (await tokens(session)).update({
    uuid: before.uuid,
    permissions: kept(flags.permission, grants.permissions, before.permissions),
    projectRoles: kept(flags.projectRole, grants.projectRoles, before.projectRoles),
    tenantRoles: kept(flags.tenantRole, grants.tenantRoles, before.tenantRoles),
    ...given({ description: flags.description, adminRole: grants.adminRole ?? before.adminRole }),
  });
  if (token !== undefined) await session.out.one(resource.kind, token);
}

async function listMethods(session: Session): Promise<void> {
  const { MethodService } = await import("../../gen/ts/api/v1/methods_pb.js");
  const { methods } = await (await session.client(MethodService)).list({});
  await session.out.plain([{ header: "METHOD", value: (method: string) => method }], methods, (method) => method);
}

function rolesOf({ roles, adminRole }: Token): string {
  const admin = adminRole === undefined ? [] : [`admin:${wordOf(common.now().AdminRole, adminRole).toLowerCase()}`];
  return [...roles.map(({ subject, role }) => `${subject}:${role}`), ...admin].join(",");
}

function permissionsOf({ permissions }: Token): string {
  return permissions.map(({ subject, methods }) => `${subject}:${methods.length} methods`).join(",");
}
