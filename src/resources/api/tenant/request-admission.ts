import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { found } from "./create.js";
import { tenantStore } from "./store.js";

/** Records that a tenant asks to be admitted and accepts the terms; throws "precondition" when it is admitted already. */
export async function requestAdmission(
  { db, clock }: Pick<Platform, "db" | "clock">,
  login: string,
  asked: { readonly note: string; readonly emailConsent: boolean },
): Promise<void> {
  if (await tenantStore.requestAdmission(db, login, { ...asked, now: clock() })) return;
  found(await tenantStore.get(db, login), login);
  throw new DomainError("precondition", `tenant ${login} is admitted already`);
}
