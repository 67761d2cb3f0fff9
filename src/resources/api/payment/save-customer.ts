import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { tenantStore } from "../tenant/store.js";
import { type AskedCustomer, detailsOf } from "./rules.js";
import { type CustomerRow, customerStore } from "./store.js";
import { queueSync } from "./sync.js";

/** What a request asks of a tenant's account. */
export interface CustomerOrder {
  readonly login: string;
  readonly asked: AskedCustomer;
  /** Whether the caller accepts the terms and conditions. */
  readonly acceptsTerms: boolean;
  /** Leaves an account alone that there is already; false unless told. */
  readonly onlyNew?: boolean;
}

/**
 * Makes the tenant's customer account or changes it, at the processor first. Throws "missing" for an unknown tenant,
 * and "precondition" unless the terms and conditions are accepted, now or before.
 */
export async function saveCustomer(
  platform: Pick<Platform, "db" | "clock" | "processor" | "standings">,
  { login, asked, acceptsTerms, onlyNew = false }: CustomerOrder,
  signal: AbortSignal,
): Promise<CustomerRow> {
  const { db, clock, processor } = platform;
  const tenant = await tenantStore.get(db, login);
  if (tenant === undefined) throw noTenant(login);
  if (!acceptsTerms && tenant.termsAcceptedAt === null) throw termsNeeded();
  const present = await customerStore.get(db, login);
  if (onlyNew && present !== undefined) return present;
  const details = detailsOf(login, present, asked, processor.name);
  const account = await processor.saveCustomer(details, signal);
  const saved = await db.transaction(async (tx) => {
    const now = clock();
    // The tenant may have been deleted meanwhile.
    if ((await tenantStore.lock(tx, login)) === undefined) throw noTenant(login);
    if (acceptsTerms) await tenantStore.update(tx, login, { acceptsTerms }, now);
    const made = onlyNew ? await customerStore.get(tx, login) : undefined;
    const row =
      made ??
      (await customerStore.save(tx, {
        tenant: login,
        processor: processor.name,
        account,
        setsPaymentMethod: details.paymentMethodId !== undefined,
        fields: asked.fields,
        now,
      }));
    await queueSync(tx, platform, login);
    return row;
  });
  platform.standings.forget(login);
  return saved;
}

/** The refusal of those who did not accept the terms and conditions. */
export const termsNeeded = (): DomainError =>
  new DomainError(
    "precondition",
    "the terms and conditions must be accepted: set accepted_terms_and_conditions once you have read them",
  );

const noTenant = (login: string): DomainError => new DomainError("missing", `tenant ${login} does not exist`);
