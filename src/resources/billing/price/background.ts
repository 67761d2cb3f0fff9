import { sqlStateOf, withoutValues } from "../../../db/errors.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { planPrices } from "./rules.js";
import { priceStore } from "./store.js";

/** Brings the prices of the configuration into the database before a worker begins; one that contradicts it does not. */
export function priceBackground(platform: Platform): Background {
  return { tasks: {}, begin: () => syncPrices(platform), controllers: [] };
}

/** Makes the prices that are to come what the configuration says; throws when it would change what holds or held. */
export async function syncPrices(
  platform: Pick<Platform, "db" | "billing" | "clock" | "newId" | "log">,
): Promise<void> {
  const { db, billing, clock, newId, log } = platform;
  if (billing === undefined) {
    if ((await priceStore.currency(db)) === undefined) return;
    log.warn("SLIPWAY_BILLING_FILE is not set, and the prices that it once had go on holding");
    return;
  }
  const sync = db.transaction(async (tx) => {
    await priceStore.lock(tx);
    const plan = planPrices(await priceStore.list(tx), billing, clock());
    await priceStore.delete(tx, plan.remove);
    await priceStore.insert(
      tx,
      plan.add.map((price) => ({ ...price, id: newId() })),
    );
    for (const { product, words } of plan.rename) await priceStore.rename(tx, product, words);
  });
  await sync.catch((error: unknown) => {
    // A clock that runs behind the others' takes a price for one to come that was charged already.
    if (sqlStateOf(error) !== refusal) throw error;
    const reason = (withoutValues(error) as Error).message.replace(/^query failed: /, "");
    throw new Error(`prices of the billing file: ${reason}: leave it as it is`, { cause: error });
  });
}

/** SQLSTATE of restrict_violation. */
const refusal = "23001";
