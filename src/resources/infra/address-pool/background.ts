import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import type { ConfiguredPool } from "./configured-pools.js";
import { poolRefusal } from "./rules.js";
import { addressPoolStore } from "./store.js";

const syncTask = "addresses.sync";

/** Brings the pools of the configuration into the database whenever a worker starts. */
export function addressPoolBackground(platform: Platform): Background {
  return {
    tasks: { [syncTask]: () => syncPools(platform, platform.addressPools) },
    atStart: [syncTask],
    controllers: [],
  };
}

/** Makes the pools of the configuration what it says. A range that has left it stays: its addresses may be in use. */
export async function syncPools(platform: Platform, pools: readonly ConfiguredPool[]): Promise<void> {
  const { db, clock, newId, log } = platform;
  for (const { name, partition, network, description, ranges } of pools) {
    const facts = { partition, network, description };
    const sync = db.transaction(async (tx) => {
      const now = clock();
      const row = await addressPoolStore.lockByName(tx, name);
      const id = row?.id ?? newId();
      if (row === undefined) {
        const made = { id, name, ...facts, configured: true, createdAt: now, updatedAt: now };
        await addressPoolStore.insert(tx, made);
      } else {
        await addressPoolStore.update(tx, id, { ...facts, configured: true, enabled: true }, now);
      }
      const known = new Set(await addressPoolStore.cidrs(tx, id));
      await addressPoolStore.addRanges(
        tx,
        id,
        ranges.filter(({ cidr }) => !known.has(cidr)),
        newId,
      );
    });
    await sync.catch((error: unknown) => {
      const reason = poolRefusal(error);
      if (reason === error) throw error;
      log.error({ err: reason, pool: name }, "an address pool of the configuration cannot be used");
    });
  }
  await addressPoolStore.disableOthers(
    db,
    pools.map(({ name }) => name),
    clock(),
  );
}
