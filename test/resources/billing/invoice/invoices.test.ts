import { get as httpGet, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { buffer } from "node:stream/consumers";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PaymentService } from "../../../../gen/ts/api/v1/payment_pb.js";
import {
  InvoiceLineKind,
  InvoiceService,
  InvoiceStatus,
  ReceivableService,
} from "../../../../gen/ts/billing/v1/invoice_pb.js";
import { createKeyring } from "../../../../src/auth/keyring.js";
import { startMetricsServer } from "../../../../src/processes/metrics-server.js";
import { measureArrears, reportArrears } from "../../../../src/resources/billing/invoice/arrears.js";
import { invoiceBackground } from "../../../../src/resources/billing/invoice/background.js";
import { downloadInvoice, downloadUrl } from "../../../../src/resources/billing/invoice/download.js";
import { issueInvoices } from "../../../../src/resources/billing/invoice/issue.js";
import { as, startPlatform, type TestPlatform, type TestTenant } from "../../../support/platform.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { billing, day, giveDiscount, makeCustomer, month, setMetered, spend } from "./books.js";

let platform: TestPlatform;
let other: TestTenant;

beforeAll(async () => {
  platform = await startPlatform({ background: false });
  other = await platform.newTenant();
  const { db, newId } = platform.platform;
  await makeCustomer(db, platform.tenant);
  await giveDiscount(db, platform.tenant, 1_000, newId);
  await spend(db, [
    { tenant: platform.tenant, period: month(0), cents: 1_000n },
    { tenant: platform.tenant, period: month(1), cents: 2_000n },
    { tenant: other.tenant, period: month(0), cents: 500n },
  ]);
  await setMetered(db, month(2));
  for (const now of [day(1, 2), day(2, 2)]) {
    await issueInvoices({ ...platform.platform, clock: () => now }, billing, { limit: 100 });
  }
});

afterAll(() => platform.close());

const owner = () => as(platform.tokens.owner);
const admin = () => as(platform.adminToken);
const invoicesOf = () => platform.client(InvoiceService);
const receivables = () => platform.client(ReceivableService);

async function firstUuid(): Promise<string> {
  const { invoices } = await invoicesOf().list({ login: platform.tenant }, owner());
  return invoices.at(-1)?.uuid ?? "";
}

describe("InvoiceService", () => {
  it("lists the invoices of a tenant, the newest first, in pages and without lines", async () => {
    const { invoices } = await invoicesOf().list({ login: platform.tenant }, owner());
    expect(invoices).toMatchObject([
      { subtotal: 2_000n, discount: 200n, vat: 342n, total: 2_142n, amountDue: 2_142n, overdue: true, lines: [] },
      { subtotal: 1_000n, discount: 100n, vat: 171n, total: 1_071n, vatRate: "19", status: InvoiceStatus.OPEN },
    ]);
    const page = await invoicesOf().list({ login: platform.tenant, paging: { page: 1n, count: 1n } }, owner());
    expect(page.invoices.map(({ uuid }) => uuid)).toEqual([invoices[1]?.uuid]);
    expect(page.nextPage).toBeUndefined();
  });

  it("gets an invoice with its lines", async () => {
    const { invoice } = await invoicesOf().get({ login: platform.tenant, uuid: await firstUuid() }, owner());
    expect(invoice).toMatchObject({
      login: platform.tenant,
      currency: "eur",
      periodStart: timestampFromDate(month(0)),
      periodEnd: timestampFromDate(month(1)),
      issuedAt: timestampFromDate(day(1, 2)),
      dueAt: timestampFromDate(day(1, 16)),
      lines: [
        { kind: InvoiceLineKind.USAGE, description: "Worker", projectName: "shop", quantity: "1000", unitAmount: "1" },
        { kind: InvoiceLineKind.DISCOUNT, description: "Partner", project: "", resource: "", amount: -100n },
      ],
    });
  });

  it("shows nobody the invoices of others", async () => {
    const uuid = await firstUuid();
    expect(await codeOf(invoicesOf().get({ login: other.tenant, uuid }, as(other.tokens.owner)))).toBe("NotFound");
    expect(await codeOf(invoicesOf().get({ login: platform.tenant, uuid }, as(other.tokens.owner)))).toBe(
      "PermissionDenied",
    );
    expect(await codeOf(invoicesOf().list({ login: platform.tenant }, as(platform.tokens.editor)))).toBe(
      "PermissionDenied",
    );
  });

  it("names the same invoices, each with a link to its PDF [metalstack.api.v1.PaymentService.GetInvoices]", async () => {
    const payment = platform.client(PaymentService);
    const { customer } = await payment.getCustomerWithLogin({ login: platform.tenant }, owner());
    const asked = { login: platform.tenant, customerId: customer?.customerId ?? "" };
    const { invoices } = await payment.getInvoices(asked, owner());
    expect(invoices.map(({ periodStart }) => periodStart)).toEqual([month(1), month(0)].map(timestampFromDate));
    const answer = await fetch(invoices[0]?.pdfDownloadUrl ?? "");
    expect(answer.status).toBe(200);
  });
});

describe("ReceivableService", () => {
  it("lists what is open, the longest due first, and to operators only", async () => {
    const { invoices } = await receivables().list({ overdue: true }, admin());
    expect(invoices.map(({ login, periodStart }) => [login, periodStart])).toEqual(
      expect.arrayContaining([
        [platform.tenant, timestampFromDate(month(0))],
        [other.tenant, timestampFromDate(month(0))],
      ]),
    );
    expect(invoices.at(-1)?.periodStart).toEqual(timestampFromDate(month(1)));
    const { invoices: own } = await receivables().list({ tenant: other.tenant }, admin());
    expect(own).toMatchObject([{ login: other.tenant, amountDue: 595n }]);
    expect(await codeOf(receivables().list({}, owner()))).toBe("PermissionDenied");
  });

  it("records a payment once, of an open invoice, at a time that was", async () => {
    const { invoices } = await receivables().list({ tenant: other.tenant }, admin());
    const uuid = invoices[0]?.uuid ?? "";
    const record = (paidAt: Date) =>
      receivables().recordPayment({ uuid, paidAt: timestampFromDate(paidAt), reference: "bank 17" }, admin());
    expect(await refusal(record(new Date(Date.now() + 3_600_000)))).toMatchObject({
      code: "InvalidArgument",
      fields: ["paid_at"],
    });
    expect(await codeOf(record(new Date(0)))).toBe("InvalidArgument");
    const calls = await Promise.all([1, 2, 3].map(() => codeOf(record(day(1, 10)))));
    expect(calls.sort()).toEqual(["FailedPrecondition", "FailedPrecondition", "OK"]);
    const { invoice } = await invoicesOf().get({ login: other.tenant, uuid }, as(other.tokens.owner));
    expect(invoice).toMatchObject({
      status: InvoiceStatus.PAID,
      paidAt: timestampFromDate(day(1, 10)),
      overdue: false,
    });
    expect((await receivables().list({ tenant: other.tenant }, admin())).invoices).toEqual([]);
    const unknown = { uuid: platform.platform.newId() };
    expect(await codeOf(receivables().recordPayment(unknown, admin()))).toBe("NotFound");
  });

  it("leaves invoices alone that the payment processor collects", async () => {
    const { db, newId } = platform.platform;
    const id = newId();
    await db.execute(sql`
      insert into invoices select (jsonb_populate_record(invoices, jsonb_build_object('id', ${id}::text, 'processor',
        'stripe', 'tenant', 'elsewhere', 'number', 'S-1', 'status', 'open', 'paid_at', null))).*
      from invoices limit 1`);
    expect(await refusal(receivables().recordPayment({ uuid: id }, admin()))).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("stripe"),
    });
  });

  it("tells the metrics how many invoices are overdue", async () => {
    const metrics = await startMetricsServer({ host: "127.0.0.1", port: 0 });
    measureArrears(platform.platform);
    const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
    await metrics.close();
    expect(text).toMatch(/^slipway_receivables_overdue\{currency="eur"\} [1-9]/m);
  });

  it("says in the log who is in arrears", async () => {
    await reportArrears(platform.platform);
    const line = platform.lines.find(({ msg }) => msg === "tenants are in arrears");
    expect(line).toMatchObject({ level: 40, tenants: expect.any(Number), amount: expect.stringMatching(/^EUR \d/) });
  });
});

describe("workers", () => {
  const context = { signal: new AbortController().signal, attempt: 1, log: pino({ level: "silent" }) };
  const numberOf = async (tenant: TestTenant): Promise<string | undefined> =>
    (await invoicesOf().list({ login: tenant.tenant }, as(tenant.tokens.owner))).invoices[0]?.number;

  it("issue invoices, unless the payment processor does", async () => {
    const late = await platform.newTenant();
    await spend(platform.platform.db, [{ tenant: late.tenant, period: month(0), cents: 100n }]);
    const { processor } = platform.platform;
    const issue = async (collects: boolean, settings: typeof billing | undefined) => {
      const { tasks } = invoiceBackground({
        ...platform.platform,
        billing: settings,
        processor: { ...processor, collects },
      });
      await tasks["invoices.issue"]?.({}, context);
      return await numberOf(late);
    };
    expect([await issue(true, billing), await issue(false, undefined)]).toEqual([undefined, undefined]);
    expect(await issue(false, billing)).toMatch(/^\d{4}-00001$/);
  });
});

describe("the link to a PDF", () => {
  const urlOf = async () => downloadUrl(platform.platform, await firstUuid());

  it("gives the same PDF each time, whole and without a token", async () => {
    const answers = await Promise.all([1, 2].map(async () => fetch(await urlOf())));
    const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.headers.get("content-type")).toBe("application/pdf");
    expect(answers[0]?.headers.get("cache-control")).toBe("no-store");
    expect(answers[0]?.headers.get("content-disposition")).toMatch(/^inline; filename="invoice-2025-0000\d\.pdf"$/);
    expect(bodies[0]?.subarray(0, 5).toString()).toBe("%PDF-");
    expect(bodies[0]?.toString("latin1").trimEnd().endsWith("%%EOF")).toBe(true);
    expect(bodies[0]?.equals(bodies[1] ?? Buffer.alloc(0))).toBe(true);
  });

  it("gives it over HTTP/2 too", async () => {
    const url = new URL(await urlOf());
    const session = connectHttp2(url.origin);
    const request = session.request({ ":path": `${url.pathname}${url.search}` });
    const pdf = await buffer(request);
    session.close();
    expect(pdf.equals(Buffer.from(await (await fetch(url)).arrayBuffer()))).toBe(true);
  });

  it("answers HEAD with the headers alone", async () => {
    const answer = await fetch(await urlOf(), { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      "application/pdf",
      "",
    ]);
  });

  it("holds for one invoice and one hour, as it was signed", async () => {
    const url = new URL(await urlOf());
    const changed = async (change: (url: URL) => void) => {
      const another = new URL(url);
      change(another);
      return (await fetch(another)).status;
    };
    const unknown = platform.platform.newId();
    const expires = Number(url.searchParams.get("expires"));
    expect(
      await Promise.all([
        changed(({ searchParams }) => searchParams.set("expires", String(expires + 60))),
        changed(({ searchParams }) => searchParams.set("signature", "AAAA")),
        changed(({ searchParams }) => searchParams.delete("signature")),
        changed(({ searchParams }) => searchParams.delete("expires")),
        changed((each) => {
          each.pathname = `/invoices/${unknown}.pdf`;
        }),
        changed((each) => {
          each.pathname = "/invoices/x.pdf";
        }),
      ]),
    ).toEqual([403, 403, 403, 403, 403, 404]);
    expect((await fetch(downloadUrl(platform.platform, unknown))).status).toBe(404);
    const earlier = { ...platform.platform, clock: () => new Date(Date.now() - 3_601_000) };
    expect((await fetch(downloadUrl(earlier, await firstUuid()))).status).toBe(410);
  });

  it("survives a rotation of the keyring, for as long as the old key is kept", async () => {
    const key = (id: string) => ({ id, key: new Uint8Array(32).fill(id.charCodeAt(0)) });
    const { db, clock } = platform.platform;
    const uuid = await firstUuid();
    const url = new URL(downloadUrl({ ...platform.platform, keyring: createKeyring([key("a")]) }, uuid));
    const request = { file: `${uuid}.pdf`, query: url.searchParams };
    const statusWith = async (...ids: string[]) =>
      (await downloadInvoice({ db, clock, keyring: createKeyring(ids.map(key)) }, request)).status;
    expect([await statusWith("b", "a"), await statusWith("a"), await statusWith("b")]).toEqual([200, 200, 403]);
  });

  it("is never in the log", async () => {
    const url = new URL(await urlOf());
    await (await fetch(url)).arrayBuffer();
    await fetch(`${url.origin}${url.pathname}?expires=1&signature=planted-words`);
    await invoicesOf().list({ login: platform.tenant }, owner());
    const log = JSON.stringify(platform.lines);
    expect(log).not.toContain(url.searchParams.get("signature"));
    expect(log).not.toContain("planted-words");
  });

  it("is no defect when the client leaves", async () => {
    const url = await urlOf();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpGet(url, resolve).once("error", reject);
    });
    response.destroy();
    expect((await fetch(url)).status).toBe(200);
    expect(platform.lines.filter(({ msg }) => msg === "defect")).toEqual([]);
  });
});
