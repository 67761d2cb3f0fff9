import type { Command } from "commander";
import { Failure } from "../failure.js";
import type { Session } from "../session.js";

/** The flag --tenant. */
export interface TenantFlag {
  readonly tenant?: string;
}

/** Declares --tenant for what belongs to a tenant. */
export function addTenant(command: Command): Command {
  return command.option("--tenant <login>", "the tenant; that of the project unless told");
}

/** The login of the tenant that is meant: --tenant, or that of the chosen project. */
export async function tenantOf(session: Session, { tenant }: TenantFlag): Promise<string> {
  if (tenant !== undefined) return tenant;
  if ((await session.settings()).project === undefined) {
    throw new Failure("usage", "no tenant is named, and no project is chosen", [
      "Name one with --tenant LOGIN; slipway tenant list tells which there are.",
    ]);
  }
  const { ProjectService } = await import("../../gen/ts/api/v1/project_pb.js");
  const { project } = await (await session.client(ProjectService)).get({ project: await session.project() });
  return project?.tenant ?? "";
}
