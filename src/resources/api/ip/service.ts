import type { ConnectRouter } from "@connectrpc/connect";
import {
  IPService,
  type IPServiceAllocateRequest,
  type IPServiceUpdateRequest,
} from "../../../../gen/ts/api/v1/ip_pb.js";
import { constraintOf } from "../../../db/errors.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { addressPoolStore } from "../../infra/address-pool/store.js";
import { queuePublish } from "./jobs.js";
import { ipMessage } from "./messages.js";
import { askedFamily, changeOf, poolsFor, quarantineEnd, refuseBadTags } from "./rules.js";
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

async function allocate(platform: Platform, request: IPServiceAllocateRequest): Promise<IpRow> {
  const { db, clock, newId } = platform;
  const { project, name, description, tags } = request;
  refuseBadTags("tags", tags);
  const pools = poolsFor(await addressPoolStore.handingOut(db), tags);
  const type = request.static ? "static" : "ephemeral";
  const ip = { id: newId(), project, name, description, type, tags, now: clock(), family: askedFamily(tags) } as const;
  for (const pool of pools) {
    const address = await ipStore.allocate(db, pool.id, ip).catch((error: unknown) => {
      if (constraintOf(error) !== "ips_project_projects_id_fk") throw error;
      throw new DomainError("missing", `project ${project} does not exist`);
    });
    if (address === undefined) continue;
    await queuePublish(db, project);
    return found(await ipStore.get(db, project, ip.id), ip.id);
  }
  throw new DomainError("exhausted", "all addresses are taken: try again later or ask the operators", {
    retryAfterMs: 60_000,
  });
}

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
