import type { BillingSettings } from "../../../billing.js";
import type { CallSubject } from "../../../caller.js";
import { createCached } from "../../../changes/cached.js";
import type { ChangeFeed } from "../../../changes/feed.js";
import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import { usualCurrency } from "../../billing/price/current.js";
import { projectStore } from "../project/store.js";
import { isUuid } from "../uuid.js";
import { type Standing, standingStore } from "./standing-store.js";

/** By what means a tenant can pay now; what was used and is not billed yet is taken off its credit. */
export interface Means {
  readonly paymentMethod: boolean;
  readonly coupon: boolean;
  readonly balance: boolean;
  readonly discount: boolean;
}

/** Whether tenants may use what costs money, answered from memory. */
export interface Standings {
  /**
   * Throws "precondition" when the tenant that a chargeable call is about, itself or by its project, is not
   * admitted, or has no means to pay where anything has a price. Whether it exists at all is for the method to say.
   */
  demand(about: CallSubject): Promise<void>;
  /** By what means a tenant can pay; undefined for an unknown one. */
  means(tenant: string): Promise<Means | undefined>;
  /** The tenant of a project; undefined for an unknown one. */
  tenantOf(project: string): Promise<string | undefined>;
  /** Looks at a tenant anew the next time: after a change of its own a process need not wait until it is told. */
  forget(tenant: string): void;
  close(): void;
}

export interface StandingsOptions {
  readonly db: Database;
  readonly feed: ChangeFeed;
  readonly clock: () => Date;
  readonly billing: BillingSettings | undefined;
  /** Whether the feed has told all changes until a moment ago. */
  readonly isTold: () => boolean;
}

/** Keeps the standing of tenants, and the tenants of projects, until the change feed tells that they changed. */
export function createStandings({ db, feed, clock, billing, isTold }: StandingsOptions): Standings {
  const currency = billing?.currency ?? usualCurrency;
  const refusalNow = (standing: Standing) => refusalOf(standing, hasPrices(billing) || standing.priced, clock());
  const ofTenant = ({ scope }: { readonly scope: string }) => scope;
  const standings = createCached<Standing>({
    feed,
    isTold,
    topics: {
      tenant: ofTenant,
      customer: ofTenant,
      credit: ofTenant,
      discount: ofTenant,
      // With its use its invoice takes it off what is unbilled.
      invoice: ofTenant,
      metering: () => undefined,
      price: () => undefined,
    },
    load: (tenant) => standingStore.get(db, tenant, currency),
  });
  // Projects never move, but they go.
  const projects = createCached<string>({
    feed,
    isTold,
    topics: { project: ({ key }) => key },
    load: async (project) => (await projectStore.get(db, project))?.tenant,
  });
  const tenantOf: Standings["tenantOf"] = async (project) => (isUuid(project) ? projects.get(project) : undefined);
  return {
    tenantOf,
    async means(tenant) {
      const standing = await standings.get(tenant);
      return standing && meansOf(standing, clock());
    },
    async demand({ project, tenant }) {
      const login = (project === undefined ? undefined : await tenantOf(project)) ?? tenant;
      if (login === undefined) return;
      const known = await standings.get(login);
      if (known === undefined || refusalNow(known) === undefined) return;
      // What it lacked may be new.
      standings.forget(login);
      const now = await standings.get(login);
      const refusal = now && refusalNow(now);
      if (refusal !== undefined) throw new DomainError("precondition", refusal);
    },
    forget: standings.forget,
    close() {
      standings.close();
      projects.close();
    },
  };
}

/** Whether anything costs money by the configuration, whose prices the workers may not have brought yet. */
function hasPrices(billing: BillingSettings | undefined): boolean {
  const products = billing?.products ?? [];
  return products.some(({ prices }) => prices.some(({ unitAmountNano }) => unitAmountNano > 0n));
}

/** Why a tenant may not use what costs money; undefined when it may. */
function refusalOf(standing: Standing, costs: boolean, now: Date): string | undefined {
  const { login } = standing;
  if (!standing.admitted) return `tenant ${login} is not admitted: ask with TenantService/RequestAdmission`;
  if (!costs || Object.values(meansOf(standing, now)).some((has) => has)) return undefined;
  const add = "add a payment method with PaymentService/CreateOrUpdateCustomer";
  return `tenant ${login} has no payment method, and no coupon, discount or balance left: ${add}`;
}

/** Coupons pay before the balance does, and only while they hold. */
function meansOf({ paymentMethod, discount, coupons, balance, unbilled }: Standing, now: Date): Means {
  const granted = coupons.filter(({ expiresAt }) => expiresAt > now).reduce((sum, { left }) => sum + left, 0n);
  const uncovered = unbilled > granted ? unbilled - granted : 0n;
  return { paymentMethod, coupon: granted > unbilled, balance: balance > uncovered, discount };
}
