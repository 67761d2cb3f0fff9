import type { Command } from "commander";
import type { AuthServiceWhoAmIResponse, AuthServiceWhoAmIResponseSchema } from "../../gen/ts/iam/v1/auth_pb.js";
import type { Kind } from "../output.js";
import { run } from "../run.js";

const load = () => import("../../gen/ts/iam/v1/auth_pb.js");

const kind: Kind<typeof AuthServiceWhoAmIResponseSchema> = {
  schema: async () => (await load()).AuthServiceWhoAmIResponseSchema,
  name: ({ principal }) => principal?.id ?? "",
  columns: [
    { header: "USER", value: ({ principal }) => principal?.id },
    { header: "NAME", value: ({ principal }) => principal?.name },
    { header: "TOKEN", value: ({ tokenType }) => ["", "api", "console"][tokenType] },
    { header: "EXPIRES", value: expiryOf },
    { header: "TENANTS", value: ({ tenantRoles }) => rolesOf(tenantRoles) },
    { header: "ADMIN", value: ({ adminRole }) => ["", "editor", "viewer"][adminRole ?? 0] },
    { header: "PROJECTS", value: ({ projectRoles }) => rolesOf(projectRoles), wide: true },
    { header: "TEAMS", value: ({ teams }) => teams.join(","), wide: true },
  ],
};

/** `slipway whoami`: who is calling, and what the token gives. */
export function whoamiCommand(command: Command): void {
  command.action(
    run(async (session) => {
      const { AuthService } = await load();
      await session.out.one(kind, await (await session.client(AuthService)).whoAmI({}));
    }),
  );
}

function rolesOf(roles: Readonly<Record<string, number>>): string {
  return Object.entries(roles)
    .map(([of, role]) => `${of}:${["none", "owner", "editor", "viewer", "guest"][role] ?? role}`)
    .join(",");
}

function expiryOf({ expiresAt }: AuthServiceWhoAmIResponse): string {
  return expiresAt === undefined ? "never" : new Date(Number(expiresAt.seconds) * 1_000).toISOString();
}
