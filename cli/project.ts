import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { Failure } from "./failure.js";
import { isUuid, pick } from "./find.js";

type Connect = <S extends DescService>(service: S) => Promise<Client<S>>;

/** The uuid of a project that is given by uuid, name or TENANT/NAME. */
export async function resolveProject(given: string | undefined, connect: Connect): Promise<string> {
  if (given === undefined) {
    throw new Failure("usage", "no project is chosen", [
      "Name one with --project or SLIPWAY_PROJECT, or keep one: slipway context set --project NAME",
      "slipway project list tells which there are.",
    ]);
  }
  if (isUuid(given)) return given.toLowerCase();
  const { ProjectService } = await import("../gen/ts/api/v1/project_pb.js");
  // All of them, so that a misspelt name can be told from those that there are.
  const { projects } = await (await connect(ProjectService)).list({});
  const slash = given.indexOf("/");
  const naming = { kind: "project", id: (item: { uuid: string }) => item.uuid, list: "slipway project list" };
  if (slash >= 0) return pick(projects, given, { ...naming, name: (item) => `${item.tenant}/${item.name}` }).uuid;
  const named = projects.filter(({ name }) => name === given);
  if (named.length > 1) {
    const full = named.map((item) => `${item.tenant}/${item.name}`);
    throw new Failure("usage", `"${given}" is a project of ${named.length} tenants`, [`Name one: ${full.join(", ")}`]);
  }
  return pick(projects, given, { ...naming, name: (item) => item.name }).uuid;
}
