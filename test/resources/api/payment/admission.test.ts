import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tenants } from "../../../../src/resources/api/tenant/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { address, type Payers, payersOf } from "./support/payers.js";

let platform: TestPlatform;
let payers: Payers;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  payers = payersOf(platform);
});
afterAll(() => platform.close());

/** A tenant that is not admitted. */
async function outsider() {
  const { tenant, tokens } = await platform.newTenant();
  await payers.admission.revoke({ tenantId: tenant }, payers.root);
  const [owner, editor, viewer] = [as(tokens.owner), as(tokens.editor), as(tokens.viewer)];
  const request = (more: object, by = editor) =>
    payers.payment.requestAdmission({ login: tenant, acceptedTermsAndConditions: true, ...more }, by);
  return { tenant, owner, editor, viewer, request };
}

it("a tenant asks to be admitted, with its account to be [metalstack.api.v1.PaymentService.RequestAdmission] [metalstack.api.v1.PaymentService.CheckAdmitted]", async () => {
  const { tenant, owner, viewer, request } = await outsider();
  const check = () => payers.payment.checkAdmitted({ login: tenant }, viewer);
  expect(await check()).toMatchObject({ admitted: false, requested: false });
  await request({
    customer: { name: "Ada", email: "ada@example.org", address, vat: "ATU37675002" },
    emailConsent: true,
  });
  expect(await check()).toMatchObject({ admitted: false, requested: true });
  const [row] = await platform.platform.db.select().from(tenants).where(eq(tenants.login, tenant));
  expect(row).toMatchObject({ admissionNote: "Ada <ada@example.org>", emailConsent: true });
  expect(row?.termsAcceptedAt).toEqual(row?.admissionRequestedAt);
  const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, owner);
  expect(customer).toMatchObject({ name: "Ada", email: "ada@example.org", vat: "ATU37675002" });
  await payers.admission.admit({ tenantId: tenant, balanceToAdd: 10n }, payers.root);
  expect(await check()).toMatchObject({ admitted: true, requested: true });
  expect(await refusal(request({}))).toMatchObject({ code: "FailedPrecondition" });
});

it("the terms must be accepted, and what is said must be right", async () => {
  const { tenant, owner, request } = await outsider();
  const refused = await refusal(request({ acceptedTermsAndConditions: false, customer: { name: "Ada" } }));
  expect(refused.code).toBe("FailedPrecondition");
  expect(refused.message).toContain("terms");
  expect(await refusal(request({ customer: { email: "nowhere" } }))).toMatchObject({ fields: ["customer.email"] });
  expect(await refusal(request({ customer: { vat: "ATU37675003" } }))).toMatchObject({ fields: ["customer.vat"] });
  expect(await refusal(request({ customer: { login: "other" } }))).toMatchObject({ fields: ["customer.login"] });
  const [row] = await platform.platform.db.select().from(tenants).where(eq(tenants.login, tenant));
  expect(row).toMatchObject({ admissionRequestedAt: null, termsAcceptedAt: null });
  expect(await payers.payment.checkIfCustomerExists({ login: tenant }, owner)).toMatchObject({ exists: false });
});

it("asking makes no account without its data, and changes none that there is", async () => {
  const { tenant, owner, request } = await outsider();
  await request({});
  expect(await payers.payment.checkIfCustomerExists({ login: tenant }, owner)).toMatchObject({ exists: false });
  await payers.payment.createOrUpdateCustomer({ login: tenant, name: "The owner's" }, owner);
  await request({ customer: { name: "An editor's", paymentMethodId: "mandate-1" } });
  const { customer } = await payers.payment.getCustomerWithLogin({ login: tenant }, owner);
  expect([customer?.name, customer?.paymentMethodId]).toEqual(["The owner's", undefined]);
});

it("is for owners and editors, and for tenants that there are", async () => {
  const { tenant, viewer, request } = await outsider();
  expect(await codeOf(request({}, viewer))).toBe("PermissionDenied");
  const asked = { login: "nobody", acceptedTermsAndConditions: true };
  expect(await codeOf(payers.payment.requestAdmission(asked, payers.root))).toBe("NotFound");
  expect(await codeOf(payers.payment.checkAdmitted({ login: "nobody" }, payers.root))).toBe("NotFound");
  const stranger = as((await platform.newTenant()).tokens.owner);
  expect(await codeOf(payers.payment.checkAdmitted({ login: tenant }, stranger))).toBe("PermissionDenied");
});
