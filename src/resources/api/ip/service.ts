import type { ConnectRouter } from "@connectrpc/connect";
import {
  IPService,
  type IPServiceAllocateRequest,
  type IPServiceUpdateRequest,
} from "../../../../gen/ts/api/v1/ip_pb.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { isUuid } from "../uuid.js";
import { queuePublish } from "./jobs.js";
import { ipMessage } from "./messages.js";
import { askedPools, changeOf, quarantineEnd, refusalOf, refuseBadTags } from "./rules.js";
import { type IpRow, ipStore } from "./store.js";

/** api.v1.IPService: addresses of projects. */
export function registerIp(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(IPService, {
    async get({ project, uuid }) {
      return { ip: ipMessage(found(await ipStore.get(db, project, uuid), uuid)) };
    },
    async list({ project }) {
      return { ips: (await ipStore.list(db, project)).map((row) => ipMessage(row)) };
    },
    allocate: async (request) => ({ ip: ipMessage(await allocate(platform, request)) }),
    update: async (request) => ({ ip: ipMessage(await update(platform, request)) }),
    async delete({ project, uuid }) {
      const { row, now } = await release(platform, project, uuid);
      return { ip: ipMessage(row, now) };
    },
  });
}

async function allocate({ db, clock, newId, settings }: Platform, request: IPServiceAllocateRequest): Promise<IpRow> {
  const { project, name, description, tags } = request;
  if (!isUuid(project)) throw unknownProject(project);
  refuseBadTags("tags", tags);
  const type = request.static ? "static" : "ephemeral";
  const most = settings.addressesPerProject;
  const order = {
    id: newId(),
    project,
    name,
    description,
    type,
    tags,
    now: clock(),
    most,
    ...askedPools(tags),
  } as const;
  const got = await ipStore.allocate(db, order).catch((error: unknown) => {
    if (constraintOf(error) !== "ips_project_projects_id_fk") throw error;
    throw unknownProject(project);
  });
  if (typeof got === "string") throw refusalOf(got, most);
  return got;
}

const unknownProject = (project: string): DomainError =>
  new DomainError("missing", `project ${project} does not exist`);

async function update(platform: Platform, request: IPServiceUpdateRequest): Promise<IpRow> {
  const { project, ip } = request;
  if (ip === undefined) throw invalidField("ip", "is required");
  return await platform.db.transaction(async (tx) => {
    const current = found(await ipStore.lock(tx, project, ip.uuid), ip.uuid);
    await ipStore.update(tx, current.id, changeOf(current, project, ip), platform.clock());
    return found(await ipStore.get(tx, project, current.id), current.id);
  });
}

async function release(platform: Platform, project: string, uuid: string): Promise<{ row: IpRow; now: Date }> {
  const now = platform.clock();
  return await platform.db.transaction(async (tx) => {
    const row = found(await ipStore.lock(tx, project, uuid), uuid);
    if (await ipStore.isUsed(tx, row.id)) {
      throw new DomainError("precondition", `address ${row.address} is in use by a Service: delete that first`);
    }
    await ipStore.release(tx, row.id, quarantineEnd(platform.settings, now), now);
    await queuePublish(tx, project);
    return { row, now };
  });
}

function found(row: IpRow | undefined, uuid: string): IpRow {
  if (row === undefined) throw new DomainError("missing", `address ${uuid} does not exist`);
  return row;
}
