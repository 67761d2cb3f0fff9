import type { Command } from "commander";
import type { IPSchema } from "../../gen/ts/api/v1/ip_pb.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { several } from "../flags.js";
import { wordOf } from "../resources/enums.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { lazy } from "../resources/lazy.js";
import { addDelete, addGet, addList, findOne, type Resource } from "../resources/resource.js";
import { ageColumn } from "../resources/times.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

const api = lazy(() => import("../../gen/ts/api/v1/ip_pb.js"));
const ips = async (session: Session) => session.client((await api()).IPService);

interface AllocateFlags {
  readonly description?: string;
  readonly tag?: readonly string[];
  readonly static?: boolean;
}

interface UpdateFlags extends AllocateFlags {
  readonly name?: string;
}

const resource: Resource<typeof IPSchema> = {
  noun: "address",
  group: "ip",
  reference: "its name, address or uuid",
  kind: {
    schema: async () => (await api()).IPSchema,
    name: ({ name }) => name,
    columns: [
      { header: "NAME", value: ({ name }) => name },
      { header: "IP", value: ({ ip }) => ip },
      { header: "TYPE", value: ({ type }) => wordOf(api.now().IPType, type) },
      { header: "TAGS", value: ({ tags }) => tags.join(",") },
      ageColumn(({ createdAt }) => createdAt),
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "NETWORK", value: ({ network }) => network, wide: true },
      { header: "DESCRIPTION", value: ({ description }) => description, wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  alias: ({ ip }) => ip,
  async list(session) {
    return (await (await ips(session)).list({ project: await session.project() })).ips;
  },
  async get(session, uuid) {
    return (await (await ips(session)).get({ uuid, project: await session.project() })).ip;
  },
};

/** `slipway ip`: public addresses. */
export function ipCommands(group: Command): void {
  addList(group, resource, "list the addresses of the project");
  addGet(group, resource);
  const allocate = group
    .command("allocate")
    .description("get an address; it costs money from then on")
    .argument("<name>", "a name for it")
    .option("--description <text>", "what it is for")
    .option("--tag <tag>", "a tag; may come several times", several)
    .option("--static", "keep it when nothing uses it any more")
    .action(run(allocateIp));
  setsFields(allocate, { tags: "--tag" });
  examples(allocate, "slipway ip allocate shop", "slipway ip allocate shop --static --tag team=web -o name");
  addUpdate(group);
  addDelete(group, resource, {
    description: "give an address back that nothing uses",
    question: (reference) => `Give the address ${reference} back?`,
    remove: async (session, uuid) => (await (await ips(session)).delete({ uuid, project: await session.project() })).ip,
  });
}

function addUpdate(group: Command): void {
  const update = group
    .command("update")
    .description("change the name, description, tags or type of an address")
    .argument("<ip>", "its name, address or uuid")
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--tag <tag>", "all tags of its own, instead of those there are; may come several times", several)
    .option("--static", "keep it when nothing uses it any more; that cannot be taken back")
    .action(run(updateIp));
  setsFields(update, {
    "ip.tags": "--tag",
    "ip.type": "--static",
    "ip.name": "--name",
    "ip.description": "--description",
  });
  examples(update, "slipway ip update shop --static", "slipway ip update 203.0.113.7 --name checkout");
}

async function allocateIp(session: Session, name: string, flags: AllocateFlags): Promise<void> {
  const { ip } = await (await ips(session)).allocate({
    project: await session.project(),
    name,
    description: flags.description ?? "",
    tags: [...(flags.tag ?? [])],
    static: flags.static === true,
  });
  if (ip !== undefined) await session.out.one(resource.kind, ip);
}

async function updateIp(session: Session, reference: string, flags: UpdateFlags): Promise<void> {
  const { name, description, tag } = flags;
  if (name === undefined && description === undefined && tag === undefined && flags.static !== true) {
    throw new Failure("usage", "nothing to change", ["Give --name, --description, --tag or --static."]);
  }
  // The request has the address with all its fields.
  const before = await findOne(session, resource, reference, {});
  const { IPType } = await api();
  const type = flags.static === true ? IPType.IP_TYPE_STATIC : IPType.IP_TYPE_UNSPECIFIED;
  const changed = { ...before, ...given({ name, description }), tags: [...(tag ?? before.tags)], type };
  const { ip } = await (await ips(session)).update({ project: await session.project(), ip: changed });
  if (ip !== undefined) await session.out.one(resource.kind, ip);
}
