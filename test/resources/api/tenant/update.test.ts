import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { type Person, peopleOf } from "../../support/people.js";
import { codeOf, refusal } from "../../support/refusals.js";

let platform: TestPlatform;
let people: ReturnType<typeof peopleOf>;
let ada: Person;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  people = peopleOf(platform);
  ada = await people.person("ada");
});
afterAll(() => platform.close());

describe("Update", () => {
  const change = (login: string, request: object) => people.tenants.update({ login, ...request }, ada.me);

  it("changes what the request sets and leaves the rest [metalstack.api.v1.TenantService.Update] [pds.update-account]", async () => {
    const { tenant: login } = await people.organization(ada);
    const first = { name: "One", email: "one@example.org", avatarUrl: "https://example.org/1.png", description: "abc" };
    expect((await change(login, first)).tenant).toMatchObject(first);
    const { tenant } = await change(login, { name: "Two", onboarded: true, avatarUrl: "", email: "" });
    expect(tenant).toMatchObject({ login, name: "Two", email: "", avatarUrl: "", description: "abc", onboarded: true });
    expect(tenant?.createdBy).toBe(ada.login);
    expect((await people.tenants.get({ login }, ada.me)).tenant).toEqual(tenant);
  });

  it("accepts the terms once and for all [pds.accept-eula]", async () => {
    const { tenant: login } = await people.organization(ada);
    const terms = async (request: object) => (await change(login, request)).tenant?.termsAndConditions;
    expect(await terms({ acceptTermsAndConditions: false })).toMatchObject({ accepted: false });
    const accepted = await terms({ acceptTermsAndConditions: true });
    expect(accepted).toMatchObject({ accepted: true });
    expect(accepted?.when).toBeDefined();
    for (const withdrawal of [
      { acceptTermsAndConditions: false },
      { termsAndConditions: { accepted: false } },
      { termsAndConditions: { accepted: true, when: { seconds: 0n } } },
      { acceptTermsAndConditions: true },
      { name: "Else" },
    ]) {
      expect(
        await terms(withdrawal),
        JSON.stringify(withdrawal, (_, v) => String(v)),
      ).toEqual(accepted);
    }
    const { tenant: older } = await people.organization(ada);
    const { tenant } = await change(older, { termsAndConditions: { accepted: true } });
    expect(tenant?.termsAndConditions?.accepted).toBe(true);
  });

  it("takes a VAT number, and leaves the rest of the payment to its processor", async () => {
    const { tenant: login } = await people.organization(ada);
    expect((await change(login, { paymentDetails: { vat: "DE123456789" } })).tenant?.paymentDetails).toMatchObject({
      vat: "DE123456789",
      customerId: "",
    });
    for (const [key, field] of [
      ["customerId", "payment_details.customer_id"],
      ["paymentMethodId", "payment_details.payment_method_id"],
      ["subscriptionId", "payment_details.subscription_id"],
    ] as const) {
      expect(await refusal(change(login, { paymentDetails: { [key]: "x", vat: "DE1" } }))).toMatchObject({
        code: "InvalidArgument",
        fields: [field],
      });
    }
    expect((await change(login, {})).tenant?.paymentDetails?.vat).toBe("DE123456789");
    expect((await change(login, { paymentDetails: { vat: "" } })).tenant?.paymentDetails).toBeUndefined();
  });

  it.each([
    ["name", { name: "" }],
    ["email", { email: "a@b" }],
    ["email", { email: "a@example.org, b@example.org" }],
    ["avatar_url", { avatarUrl: "http://example.org/a.png" }],
    ["avatar_url", { avatarUrl: "data:image/png;base64,AAAA" }],
    ["description", { description: "x" }],
    ["payment_details.vat", { paymentDetails: { vat: "12" } }],
  ])("refuses what is wrong in %s: %j", async (field, request) => {
    expect(await refusal(change(ada.login, request))).toMatchObject({ code: "InvalidArgument", fields: [field] });
  });

  it("is for owners and editors", async () => {
    const update = (token: string, login = platform.tenant) =>
      codeOf(people.tenants.update({ login, name: "Any" }, as(token)));
    expect(await update(platform.tokens.editor)).toBe("OK");
    expect(await update(platform.tokens.viewer)).toBe("PermissionDenied");
    expect(await update(ada.token)).toBe("PermissionDenied");
    expect(await update(platform.adminToken, "nobody")).toBe("NotFound");
  });
});

describe("List", () => {
  it("shows the caller's tenants, by id and name [pds.list-accounts] [pds.get-account]", async () => {
    const person = await people.person();
    const { tenant } = await people.organization(person);
    await people.tenants.update({ login: tenant, name: "Findable" }, person.me);
    const listed = async (filter: { id?: string; name?: string }) =>
      (await people.tenants.list(filter, person.me)).tenants.map(({ login }) => login);
    expect(await listed({})).toEqual([person.login, tenant].sort());
    expect(await listed({ id: tenant })).toEqual([tenant]);
    expect(await listed({ name: "Findable" })).toEqual([tenant]);
    expect(await listed({ id: tenant, name: person.login })).toEqual([]);
    expect(await listed({ id: ada.login })).toEqual([]);
    expect((await people.tenants.get({ login: tenant }, person.me)).tenant).toMatchObject({ name: "Findable" });
  });
});
