import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TenantService } from "../../../../gen/ts/api/v1/tenant_pb.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { customers } from "../../../../src/resources/api/payment/table.js";
import { tenants } from "../../../../src/resources/api/tenant/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { clustersOf } from "../../support/clusters.js";
import { newLogin, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { address, type Payers, payersOf } from "./support/payers.js";

let platform: TestPlatform;
let payers: Payers;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  payers = payersOf(platform);
});
afterAll(() => platform.close());

const card = { brand: "visa", country: "DE", expMonth: 12n, expYear: 2031n, last4: "4242" };
const stored = async (tenant: string) =>
  (await platform.platform.db.select().from(customers).where(eq(customers.tenant, tenant)))[0];

describe("CreateOrUpdateCustomer", () => {
  it("makes an account once the terms are accepted, and keeps them accepted [metalstack.api.v1.PaymentService.CreateOrUpdateCustomer]", async () => {
    const { tenant, tokens } = await platform.newTenant();
    const me = as(tokens.owner);
    const save = (more: object) => payers.payment.createOrUpdateCustomer({ login: tenant, ...more }, me);
    const refused = await refusal(save({ name: "Ada" }));
    expect(refused.code).toBe("FailedPrecondition");
    expect(refused.message).toContain("terms");
    expect(await stored(tenant)).toBeUndefined();
    const { customer } = await save({ name: "Ada", acceptedTermsAndConditions: true });
    expect(customer).toMatchObject({ login: tenant, name: "Ada", balance: 0n, subscriptionId: "", prices: [] });
    expect(customer?.customerId).toMatch(/^cus_[A-Za-z0-9]{14}$/);
    expect([customer?.paymentMethodId, customer?.card, customer?.coupon]).toEqual([undefined, undefined, undefined]);
    const again = await save({ email: "ada@example.org" });
    expect(again.customer).toMatchObject({ customerId: customer?.customerId, name: "Ada", email: "ada@example.org" });
    const [row] = await platform.platform.db.select().from(tenants).where(eq(tenants.login, tenant));
    expect(row?.termsAcceptedAt).not.toBeNull();
  });

  it("takes terms that the tenant accepted elsewhere", async () => {
    const { tenant, tokens } = await platform.newTenant();
    const me = as(tokens.owner);
    await platform.client(TenantService).update({ login: tenant, acceptTermsAndConditions: true }, me);
    expect(await codeOf(payers.payment.createOrUpdateCustomer({ login: tenant }, me))).toBe("OK");
  });

  it("keeps what is not set, lets the fields beside the customer win, and clears what is empty", async () => {
    const { tenant, me } = await payers.customer();
    const save = async (more: object) =>
      (await payers.payment.createOrUpdateCustomer({ login: tenant, ...more }, me)).customer;
    const inner = { login: tenant, name: "Inner", email: "inner@example.org", vat: "de 136.695.976", address };
    await save({ customer: inner, name: "Outer", phoneNumber: "+49 (89) 123-456" });
    expect(await save({})).toMatchObject({
      ...{ name: "Outer", email: "inner@example.org", vat: "DE136695976", phoneNumber: "+4989123456" },
      address: { ...address, $typeName: "api.v1.Address" },
    });
    const cleared = await save({ customer: { email: "" }, vat: "", phoneNumber: "" });
    expect([cleared?.email, cleared?.vat, cleared?.phoneNumber]).toEqual([undefined, undefined, undefined]);
    expect(cleared?.name).toBe("Outer");
    expect(cleared?.address?.city).toBe("Munich");
  });

  it("holds a reference to a payment method, and what may be shown of its card", async () => {
    const { tenant, me } = await payers.customer();
    const save = async (more: object) =>
      (await payers.payment.createOrUpdateCustomer({ login: tenant, ...more }, me)).customer;
    expect(await refusal(save({ card }))).toMatchObject({ code: "InvalidArgument", fields: ["card"] });
    const first = await save({ paymentMethodId: "mandate:2026/17", card });
    expect(first).toMatchObject({ paymentMethodId: "mandate:2026/17", card });
    // What was read may be sent again.
    expect(await save({ customer: first })).toMatchObject({ paymentMethodId: "mandate:2026/17", card });
    expect(await save({ name: "Ada" })).toMatchObject({ paymentMethodId: "mandate:2026/17", card });
    // Of another method nothing is known.
    const second = await save({ paymentMethodId: "mandate-18" });
    expect([second?.paymentMethodId, second?.card]).toEqual(["mandate-18", undefined]);
  });

  it.each([
    ["email", { email: "nowhere" }],
    ["customer.email", { customer: { email: "nowhere" } }],
    ["vat", { vat: "DE136695977" }],
    ["vat", { vat: "FR40303265046" }],
    ["vat", { vat: "136695976" }],
    ["vat", { vat: "NO974760674MVA" }],
    ["vat", { vat: "AU51824753557" }],
    ["vat", { vat: "QQ12345" }],
    ["customer.vat", { customer: { vat: "CHE-123.456.789 MWST" } }],
    ["phone_number", { phoneNumber: "089 123456" }],
    ["phone_number", { phoneNumber: "+49 call me" }],
    ["address.country", { address: { ...address, country: "de" } }],
    ["address.country", { address: { ...address, country: "XX" } }],
    ["address.country", { address: { ...address, country: "Germany" } }],
    ["address.line1", { address: { ...address, line1: " " } }],
    ["address.postal_code", { address: { ...address, postalCode: "" } }],
    ["customer.address.city", { customer: { address: { ...address, city: "" } } }],
    ["address.city", { address: { ...address, city: "x".repeat(65) } }],
    ["name", { name: "x".repeat(65) }],
    ["customer.login", { customer: { login: "somebody-else" } }],
    ["card.last_4", { paymentMethodId: "pm", card: { ...card, last4: "42424" } }],
    ["card.exp_month", { paymentMethodId: "pm", card: { ...card, expMonth: 13n } }],
    ["card.exp_year", { paymentMethodId: "pm", card: { ...card, expYear: 31n } }],
    ["card.country", { paymentMethodId: "pm", card: { ...card, country: "" } }],
    ["card.brand", { paymentMethodId: "pm", card: { ...card, brand: "4242 4242" } }],
    ["payment_method_id", { paymentMethodId: "gb82west12345698765432" }],
    ["payment_method_id", { paymentMethodId: "no spaces" }],
    ["payment_method_id", { paymentMethodId: "x".repeat(129) }],
  ])("refuses a wrong %s", async (field, more) => {
    const { tenant, me } = await payers.customer();
    const before = await stored(tenant);
    const refused = await refusal(payers.payment.createOrUpdateCustomer({ login: tenant, ...more }, me));
    expect(refused).toMatchObject({ code: "InvalidArgument", fields: [field] });
    expect(await stored(tenant)).toEqual(before);
  });

  it.each([
    "ATU37675002",
    "FR40303265045",
    "NL000099998B57",
    "XI110305878",
    "NO 974760673 MVA",
    "NO974760673",
    "AU51824753556",
    "CHE116281710MWST",
    "JP1234567890",
  ])("takes the value added tax number %s", async (vat) => {
    const { tenant, me } = await payers.customer();
    const { customer } = await payers.payment.createOrUpdateCustomer({ login: tenant, vat }, me);
    expect(customer?.vat).toBe(vat.replaceAll(" ", ""));
  });

  it("takes accounts of its own tenant only", async () => {
    const mine = await payers.customer();
    const other = await payers.customer();
    const save = (login: string, customer: object) =>
      codeOf(payers.payment.createOrUpdateCustomer({ login, customer }, mine.me));
    expect(await save(mine.tenant, { customerId: mine.customerId })).toBe("OK");
    expect(await save(mine.tenant, { customerId: other.customerId })).toBe("NotFound");
    expect(await save(other.tenant, {})).toBe("PermissionDenied");
    const missing = { login: "nobody", acceptedTermsAndConditions: true };
    expect(await codeOf(payers.payment.createOrUpdateCustomer(missing, payers.root))).toBe("NotFound");
    const editor = payers.payment.createOrUpdateCustomer({ login: mine.tenant }, as(mine.tokens.editor));
    expect(await codeOf(editor)).toBe("PermissionDenied");
  });

  it("makes one account for all who ask at once, and loses no field", async () => {
    const { tenant, tokens } = await platform.newTenant();
    const me = as(tokens.owner);
    const asked = [{ name: "Ada" }, { email: "ada@example.org" }, { vat: "DE136695976" }, { phoneNumber: "+4989123" }];
    const made = await Promise.all(
      asked.map((more) =>
        payers.payment.createOrUpdateCustomer({ login: tenant, acceptedTermsAndConditions: true, ...more }, me),
      ),
    );
    const row = await stored(tenant);
    expect(new Set(made.map(({ customer }) => customer?.customerId))).toEqual(new Set([row?.id]));
    expect(row).toMatchObject(Object.assign({}, ...asked, { phoneNumber: "+4989123" }));
  });
});

describe("numbers of cards and accounts", () => {
  const visible = async (secret: string) => {
    const records = await platform.platform.db.select().from(auditEntries);
    const everything = JSON.stringify([platform.lines, records], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
    return everything.includes(secret);
  };

  it.each([
    "4242424242424242",
    "pm_5555555555554444",
    "378282246310005",
    "4242-4242-4242-4242",
    "DE89370400440532013000",
  ])("as in %s are refused, and neither answered nor logged nor recorded", async (number) => {
    const { tenant, me } = await payers.customer();
    for (const more of [{ paymentMethodId: number }, { customer: { paymentMethodId: number } }]) {
      const refused = await refusal(payers.payment.createOrUpdateCustomer({ login: tenant, ...more }, me));
      expect(refused.code).toBe("InvalidArgument");
      expect(refused.message).not.toContain(number);
    }
    expect((await stored(tenant))?.paymentMethodId).toBeNull();
    await expect.poll(() => visible(`"tenant":"${tenant}"`)).toBe(true);
    expect(await visible(number)).toBe(false);
  });

  it("are told from uuids and other references", async () => {
    const { tenant, me } = await payers.customer();
    await fc.assert(
      fc.asyncProperty(fc.uuid(), async (id) => {
        const { customer } = await payers.payment.createOrUpdateCustomer({ login: tenant, paymentMethodId: id }, me);
        expect(customer?.paymentMethodId).toBe(id);
      }),
      { numRuns: 20 },
    );
  });
});

describe("reading accounts", () => {
  it("by their id, only in their own tenant [metalstack.api.v1.PaymentService.GetCustomer]", async () => {
    const mine = await payers.customer();
    const other = await payers.customer();
    const get = (customerId: string, login = mine.tenant) => payers.payment.getCustomer({ login, customerId }, mine.me);
    expect((await get(mine.customerId)).customer).toMatchObject({ login: mine.tenant, customerId: mine.customerId });
    for (const id of [other.customerId, "cus_00000000000001", ""]) expect(await codeOf(get(id))).toBe("NotFound");
    expect(await codeOf(get(other.customerId, other.tenant))).toBe("PermissionDenied");
  });

  it("by their tenant [metalstack.api.v1.PaymentService.GetCustomerWithLogin]", async () => {
    const { tenant, customerId, me } = await payers.customer();
    expect((await payers.payment.getCustomerWithLogin({ login: tenant }, me)).customer).toMatchObject({ customerId });
    const without = await platform.newTenant();
    const refused = await refusal(
      payers.payment.getCustomerWithLogin({ login: without.tenant }, as(without.tokens.owner)),
    );
    expect(refused.code).toBe("NotFound");
    expect(refused.message).toContain("CreateOrUpdateCustomer");
  });

  it("or asks whether there is one [metalstack.api.v1.PaymentService.CheckIfCustomerExists]", async () => {
    const { tenant, customerId, me } = await payers.customer();
    const check = (login: string, by: typeof me) => payers.payment.checkIfCustomerExists({ login }, by);
    expect(await check(tenant, me)).toMatchObject({ exists: true, customer: { customerId } });
    const without = await platform.newTenant();
    const none = await check(without.tenant, as(without.tokens.owner));
    expect(none).toMatchObject({ exists: false });
    expect(none.customer).toBeUndefined();
  });
});

describe("HasChargeableResources and DeletePaymentMethod", () => {
  it("go by what runs [metalstack.api.v1.PaymentService.HasChargeableResources] [metalstack.api.v1.PaymentService.DeletePaymentMethod]", async () => {
    const payer = await payers.customer();
    const { tenant, project, me } = payer;
    const has = async () => (await payers.payment.hasChargeableResources({ login: tenant }, me)).hasResources;
    const remove = () => payers.payment.deletePaymentMethod({ login: tenant }, me);
    expect(await refusal(remove())).toMatchObject({ code: "NotFound" });
    await payers.payment.createOrUpdateCustomer({ login: tenant, paymentMethodId: "mandate-1", card }, me);
    expect(await has()).toBe(false);
    const clusters = clustersOf(platform, payer);
    const cluster = await clusters.create();
    expect(await has()).toBe(true);
    const refused = await refusal(remove());
    expect(refused.code).toBe("FailedPrecondition");
    expect(refused.message).toContain(`cluster ${cluster.name}`);
    expect((await stored(tenant))?.paymentMethodId).toBe("mandate-1");
    await clusters.client.delete({ project, uuid: cluster.uuid }, me);
    expect(await has()).toBe(false);
    await remove();
    const left = (await payers.payment.getCustomerWithLogin({ login: tenant }, me)).customer;
    expect([left?.paymentMethodId, left?.card]).toEqual([undefined, undefined]);
    expect(await refusal(remove())).toMatchObject({ code: "NotFound" });
  });

  it("finds what is in a tenant that has no account", async () => {
    const { tenant, tokens } = await platform.newTenant();
    const me = as(tokens.owner);
    expect(await payers.payment.hasChargeableResources({ login: tenant }, me)).toMatchObject({ hasResources: false });
    expect(await codeOf(payers.payment.deletePaymentMethod({ login: tenant }, me))).toBe("NotFound");
  });
});

describe("a deleted tenant", () => {
  it("leaves its account to nobody who comes after it", async () => {
    const people = peopleOf(platform);
    const ada = await people.person("ada");
    const login = newLogin("gone");
    await people.tenants.create({ tenant: { login } }, ada.me);
    const { db } = platform.platform;
    await payers.payment.createOrUpdateCustomer(
      { login, acceptedTermsAndConditions: true, paymentMethodId: "mandate-1" },
      ada.me,
    );
    const { projects } = await people.projects.list({ tenant: login }, ada.me);
    for (const { uuid } of projects) await people.projects.delete({ project: uuid }, ada.me);
    await people.tenants.delete({ login }, ada.me);
    expect(await codeOf(people.tenants.create({ tenant: { login } }, ada.me))).toBe("AlreadyExists");
    expect(await db.select().from(tenants).where(eq(tenants.login, login))).toEqual([]);
    expect((await stored(login))?.paymentMethodId).toBe("mandate-1");
  });
});
