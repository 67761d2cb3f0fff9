import type { ConnectRouter } from "@connectrpc/connect";
import { DiscountService, type DiscountServiceCreateRequest } from "../../../../gen/ts/billing/v1/offer_pb.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { type DiscountRow, discountStore } from "../../api/payment/credit-store.js";
import { discountMessage } from "../../api/payment/messages.js";
import { customerStore } from "../../api/payment/store.js";
import { queueSync } from "../../api/payment/sync.js";
import { isUuid } from "../../api/uuid.js";

const mostDiscounts = 20;

/** billing.v1.DiscountService: what is taken off a tenant's use, by operators. */
export function registerDiscount(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  router.service(DiscountService, {
    async create(request) {
      const row = discountRow(platform, request);
      await changeOf(platform, row.tenant, async (tx) => {
        if ((await discountStore.list(tx, row.tenant)).length >= mostDiscounts) {
          throw new DomainError("exhausted", `tenant ${row.tenant} has ${mostDiscounts} discounts: delete one first`);
        }
        await discountStore.insert(tx, row);
      });
      return { discount: discountMessage(row) };
    },
    async list({ tenant }) {
      return { discounts: (await discountStore.list(db, tenant)).map(discountMessage) };
    },
    async delete({ tenant, id }) {
      const row = await changeOf(platform, tenant, async (tx) => {
        const removed = isUuid(id) ? await discountStore.remove(tx, tenant, id) : undefined;
        if (removed === undefined) {
          throw new DomainError("missing", `discount ${id} does not exist at tenant ${tenant}`);
        }
        return removed;
      });
      return { discount: discountMessage(row) };
    },
  });
}

function discountRow(
  { clock, newId }: Platform,
  { tenant, name, order, reduction }: DiscountServiceCreateRequest,
): DiscountRow {
  return {
    id: newId(),
    tenant,
    name,
    amountOff: reduction.case === "amountOff" ? reduction.value : null,
    basisPointsOff: reduction.case === "basisPointsOff" ? reduction.value : null,
    order,
    createdAt: clock(),
  };
}

/** Changes the discounts of a tenant that has an account, one change at a time. */
async function changeOf<T>(platform: Platform, tenant: string, change: (tx: Database) => Promise<T>): Promise<T> {
  const changed = await platform.db.transaction(async (tx) => {
    if ((await customerStore.lock(tx, tenant)) === undefined) {
      throw new DomainError("missing", `tenant ${tenant} has no customer account`);
    }
    const result = await change(tx);
    await queueSync(tx, platform, tenant);
    return result;
  });
  platform.standings.forget(tenant);
  return changed;
}
