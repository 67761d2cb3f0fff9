import type { Database } from "../../../db/database.js";
import { DomainError } from "../../../errors.js";
import type { CallSubject } from "../../../platform.js";
import { tenantStore } from "./store.js";

/**
 * Throws "precondition" when the tenant that a chargeable call is about, itself or by its project, is not admitted.
 * Whether it exists at all is for the method to say.
 */
export async function demandAdmitted(db: Database, about: CallSubject): Promise<void> {
  const tenant = await tenantStore.admission(db, about);
  if (tenant === undefined || tenant.admitted) return;
  throw new DomainError(
    "precondition",
    `tenant ${tenant.login} is not admitted: ask with TenantService/RequestAdmission`,
  );
}
