import type { ConnectRouter } from "@connectrpc/connect";
import {
  AddressPoolService,
  type AddressPoolServiceCreateRequest,
  type AddressPoolServiceUpdateRequest,
} from "../../../../gen/ts/infra/v1/address_pool_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { addressPoolMessage } from "./messages.js";
import { poolRefusal, rangesOf } from "./rules.js";
import { type AddressPoolView, addressPoolStore } from "./store.js";

/** infra.v1.AddressPoolService: the ranges that addresses are handed out of. */
export function registerAddressPool(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(AddressPoolService, {
    create: async (request) => ({ pool: addressPoolMessage(await createPool(platform, request)) }),
    get: async ({ uuid }) => ({ pool: addressPoolMessage(await found(platform, uuid)) }),
    async list({ partition }) {
      return { pools: (await addressPoolStore.list(db, partition)).map(addressPoolMessage) };
    },
    update: async (request) => ({ pool: addressPoolMessage(await updatePool(platform, request)) }),
    async delete({ uuid }) {
      const pool = await changeable(platform, uuid);
      const deleted = await addressPoolStore.delete(db, uuid, platform.clock()).catch((error: unknown) => {
        throw poolRefusal(error);
      });
      if (!deleted) throw missing(uuid);
      return { pool: addressPoolMessage(pool) };
    },
  });
}

async function createPool(platform: Platform, request: AddressPoolServiceCreateRequest): Promise<AddressPoolView> {
  const { name, partition, network, description } = request;
  if (partition !== "" && !platform.partitions.has(partition)) {
    throw invalidField("partition", `there is no partition ${JSON.stringify(partition)}`);
  }
  const ranges = rangesOf("cidrs", request.cidrs);
  const now = platform.clock();
  const id = platform.newId();
  const row = { id, name, partition: partition || null, network, description, configured: false };
  await platform.db
    .transaction(async (tx) => {
      await addressPoolStore.insert(tx, { ...row, createdAt: now, updatedAt: now });
      await addressPoolStore.addRanges(tx, id, ranges, platform.newId);
    })
    .catch((error: unknown) => {
      throw poolRefusal(error);
    });
  return await found(platform, id);
}

async function updatePool(platform: Platform, request: AddressPoolServiceUpdateRequest): Promise<AddressPoolView> {
  const { uuid, description, enabled, addCidrs } = request;
  await changeable(platform, uuid);
  const ranges = rangesOf("add_cidrs", addCidrs);
  const change = {
    ...(description === undefined ? {} : { description }),
    ...(enabled === undefined ? {} : { enabled }),
  };
  await platform.db
    .transaction(async (tx) => {
      await addressPoolStore.update(tx, uuid, change, platform.clock());
      await addressPoolStore.addRanges(tx, uuid, ranges, platform.newId);
    })
    .catch((error: unknown) => {
      throw poolRefusal(error);
    });
  return await found(platform, uuid);
}

/** A pool that the configuration does not own. */
async function changeable(platform: Platform, uuid: string): Promise<AddressPoolView> {
  const pool = await found(platform, uuid);
  if (pool.configured) {
    throw new DomainError("precondition", `pool ${pool.name} comes from the configuration: change it there`);
  }
  return pool;
}

async function found(platform: Platform, uuid: string): Promise<AddressPoolView> {
  const pool = await addressPoolStore.get(platform.db, uuid);
  if (pool === undefined) throw missing(uuid);
  return pool;
}

const missing = (uuid: string): DomainError => new DomainError("missing", `address pool ${uuid} does not exist`);
