import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { ProductType } from "../../../../gen/ts/api/v1/payment_pb.js";
import { demoBilling, parseBilling } from "../../../../src/billing-file.js";
import { loadConfig } from "../../../../src/config.js";
import { openPlatform } from "../../../../src/process.js";
import { parseAssets } from "../../../../src/resources/api/assets/assets.js";
import { formatDecimal, parseDecimal } from "../../../../src/resources/billing/decimal.js";
import { packageRoot } from "../../../../src/root.js";
import { openTestDatabase } from "../../../support/database.js";

const assets = parseAssets(undefined);

const good = {
  currency: "eur",
  seller: {
    name: "Example",
    email: "billing@example.com",
    vat: "DE123456789",
    address: { line1: "Street 1", postalCode: "80331", city: "Munich", country: "DE" },
    footer: ["IBAN DE02 1203 0000 0000 2020 51"],
  },
  vat: { rates: { DE: "19", CH: "8.1" }, other: "0", reverseCharge: ["AT", "NO"] },
  paymentTermDays: "30",
  invoiceDelayHours: "6",
  products: {
    kubernetes: {
      name: "Control plane",
      description: "One control plane",
      meter: "control_plane",
      prices: [
        { validFrom: "2026-03-01T00:00:00Z", unitAmount: "7.000000001" },
        { validFrom: "2026-01-01T00:00:00Z", unitAmount: "6.5" },
      ],
    },
    disk: { name: "Disk", meter: "volume", prices: [{ validFrom: "2026-01-01T13:00:00Z", unitAmount: "0" }] },
    c1: {
      name: "c1",
      meter: "worker",
      variant: "c1-medium-x86",
      prices: [{ validFrom: "2026-01-01T00:00:00Z", unitAmount: "61.2" }],
    },
  },
};

type Fields = Record<string, unknown>;

/** The good file with what stands at a path replaced, or left out when it is undefined. */
function withChange(path: string, value: unknown): string {
  const file: Fields = structuredClone(good);
  const keys = path.split("/");
  const last = keys.pop() ?? "";
  const parent = keys.reduce((at, key) => at[key] as Fields, file);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return stringify(file);
}

describe("a billing file", () => {
  it("is read from YAML and from JSON alike, its prices by time", () => {
    const read = parseBilling(stringify(good), assets);
    expect(read).toMatchObject({
      currency: "eur",
      paymentTermDays: 30,
      invoiceDelayHours: 6,
      seller: { name: "Example", address: { line2: "", state: "", country: "DE" } },
      vat: {
        rates: new Map([
          ["DE", 1_900],
          ["CH", 810],
        ]),
        other: 0,
        reverseCharge: new Set(["AT", "NO"]),
      },
    });
    expect(read.products).toEqual([
      {
        id: "kubernetes",
        name: "Control plane",
        description: "One control plane",
        meter: "control_plane",
        variant: "",
        productType: ProductType.KUBERNETES,
        unitLabel: "cluster per hour",
        unitSize: 3_600n,
        prices: [
          { validFrom: new Date("2026-01-01T00:00:00Z"), unitAmountNano: 6_500_000_000n },
          { validFrom: new Date("2026-03-01T00:00:00Z"), unitAmountNano: 7_000_000_001n },
        ],
      },
      expect.objectContaining({ id: "disk", unitLabel: "GiB per hour", unitSize: 2n ** 30n * 3_600n, variant: "" }),
      expect.objectContaining({ id: "c1", unitLabel: "machine per hour", variant: "c1-medium-x86" }),
    ]);
    expect(parseBilling(JSON.stringify(good), assets)).toEqual(read);
  });

  it("may write numbers without quotes: they are read digit by digit", () => {
    const text = stringify(good).replace('"6.5"', "0.1").replace('"7.000000001"', "123456789012.000000003");
    const [product] = parseBilling(text, assets).products;
    expect(product?.prices.map(({ unitAmountNano }) => unitAmountNano)).toEqual([
      100_000_000n,
      123_456_789_012_000_000_003n,
    ]);
  });

  it("has a seller and products, and usual terms for the rest", () => {
    const { vat: _vat, paymentTermDays: _days, invoiceDelayHours: _hours, ...least } = good;
    const expected = {
      vat: { rates: new Map(), other: 0, reverseCharge: new Set() },
      paymentTermDays: 14,
      invoiceDelayHours: 24,
    };
    expect(parseBilling(stringify(least), assets)).toMatchObject(expected);
  });

  it("is shown whole in the documentation", async () => {
    const docs = await readFile(join(packageRoot(), "docs", "configuration.md"), "utf8");
    const section = docs.slice(docs.indexOf("## The billing file"));
    const example = /```yaml\n(.*?)```/s.exec(section)?.[1] ?? "";
    expect(parseBilling(example, assets).products.map(({ meter }) => meter)).toEqual(
      expect.arrayContaining(["control_plane", "worker", "volume", "snapshot", "address"]),
    );
  });

  it("has demo prices for what the assets offer, and for all other machines", () => {
    const variants = (of: ReturnType<typeof demoBilling>) =>
      of.products.filter(({ meter }) => meter === "worker").map(({ variant }) => variant);
    expect(variants(demoBilling(assets))).toEqual(["n1-medium-x86", "c1-medium-x86", "c1-large-x86", ""]);
    const other = parseAssets(
      "x: { region: { id: x, name: x, active: true }, machineTypes: { big: { id: big, name: big } } }",
    );
    expect(variants(demoBilling(other))).toEqual([""]);
  });
});

const firstPrice = "products/kubernetes/prices/1";
const kubernetes = "products.kubernetes";
const amountRule =
  'unitAmount must be a decimal number of minor units from 0 to 10^12 with at most 9 places, as in "6.5"';
const hourRule = "validFrom must be a whole hour in UTC, as in 2026-01-01T00:00:00Z";
const percentRule = 'must be a percentage from 0 to 100 with at most 2 places, as in "19" or "8.1"';
const countryRule = "must be a two-letter ISO 3166 code of a country in upper case, as in DE";
const textRule = "must be a text that is not empty, of 256 characters at most";

describe("a fault of the billing file is named with its place", () => {
  it.each<[path: string, value: unknown, message: string]>([
    ["currency", "EUR", "currency must be a three-letter ISO 4217 code in lower case, as in eur"],
    ["currency", "xyz", "currency must be a three-letter ISO 4217 code in lower case, as in eur"],
    ["currency", undefined, `currency ${textRule}`],
    ["prices", [], "the file has unknown fields: prices"],
    ["seller", undefined, "seller must be a map"],
    ["seller/name", "", `seller.name ${textRule}`],
    ["seller/email", "nobody", "seller.email must be an e-mail address"],
    ["seller/vat", "de 1", "seller.vat must be a value added tax number, as in DE123456789"],
    ["seller/address/city", undefined, `seller.address.city ${textRule}`],
    ["seller/address/country", "XX", `seller.address.country ${countryRule}`],
    ["seller/address/zip", "1", "seller.address has unknown fields: zip"],
    ["seller/footer", ["1", "2", "3", "4", "5", "6", "7"], "seller.footer must be a list of 6 lines at most"],
    ["seller/footer/0", "a\u0007b", `seller.footer[0] ${textRule}`],
    ["vat/rates/Germany", "19", `vat.rates.Germany ${countryRule}`],
    ["vat/rates/DE", "19.001", `vat.rates.DE ${percentRule}`],
    ["vat/rates/DE", "19%", `vat.rates.DE ${percentRule}`],
    ["vat/rates", [], "vat.rates must be a map from country to percent"],
    ["vat/other", "100.01", `vat.other ${percentRule}`],
    ["vat/reverseCharge/1", "EU", `vat.reverseCharge[1] ${countryRule}`],
    ["vat/reverseCharge", "AT", "vat.reverseCharge must be a list of countries"],
    ["paymentTermDays", "two", "paymentTermDays must be a whole number from 0 to 365"],
    ["invoiceDelayHours", "241", "invoiceDelayHours must be a whole number from 0 to 240"],
    ["products", {}, "products must be a map from id to product"],
    ["products/Big", {}, "products.Big: ids are 1 to 63 lower-case letters, digits and dashes"],
    ["products/kubernetes", "6.5", `${kubernetes} must be a map`],
    ["products/kubernetes/unit", "hour", `${kubernetes} has unknown fields: unit`],
    ["products/kubernetes/name", undefined, `${kubernetes}.name ${textRule}`],
    ["products/kubernetes/description", "x", `${kubernetes}.description must be a text of 2 to 500 characters`],
    [
      "products/kubernetes/meter",
      "cpu",
      `${kubernetes}.meter must be one of control_plane, worker, volume, snapshot, address`,
    ],
    ["products/kubernetes/variant", "big", `${kubernetes}.variant: control planes are all alike, leave it out`],
    ["products/c1/variant", "c9", "products.c1.variant: the assets have no machine type c9"],
    ["products/c1/meter", "address", "products.c1.variant must be ephemeral or static"],
    ["products/kubernetes/prices", [], `${kubernetes}.prices must be a list of prices`],
    [`${firstPrice}/validFrom`, "2026-03-01T00:00:00Z", "has several prices from 2026-03-01T00:00:00.000Z on"],
    [`${firstPrice}/validFrom`, "2026-01-01", `${kubernetes}.prices[1].${hourRule}`],
    [`${firstPrice}/validFrom`, "2026-01-01T00:30:00Z", `${kubernetes}.prices[1].${hourRule}`],
    [`${firstPrice}/validFrom`, "2026-01-01T00:00:00+01:00", `${kubernetes}.prices[1].${hourRule}`],
    [`${firstPrice}/validFrom`, "2026-02-30T00:00:00Z", `${kubernetes}.prices[1].${hourRule}`],
    [`${firstPrice}/unitAmount`, "6.0000000001", `${kubernetes}.prices[1].${amountRule}`],
    [`${firstPrice}/unitAmount`, "1e3", `${kubernetes}.prices[1].${amountRule}`],
    [`${firstPrice}/unitAmount`, "-1", `${kubernetes}.prices[1].${amountRule}`],
    [`${firstPrice}/unitAmount`, "1000000000000.1", `${kubernetes}.prices[1].${amountRule}`],
    [`${firstPrice}/unitAmount`, undefined, `${kubernetes}.prices[1].${amountRule}`],
    [`${firstPrice}/until`, "never", `${kubernetes}.prices[1] has unknown fields: until`],
    [
      "products/again",
      good.products.kubernetes,
      "products.again and products.kubernetes have the same meter and variant",
    ],
  ])("%s = %j", (path, value, message) => {
    expect(() => parseBilling(withChange(path, value), assets)).toThrow(message);
    expect(() => parseBilling(withChange(path, value), assets)).toThrow(/^billing: /);
  });

  it("and so is a file that holds something else", () => {
    expect(() => parseBilling("- a list", assets)).toThrow("billing: the file must be a map");
    expect(() => parseBilling("", assets)).toThrow("billing: the file must be a map");
    expect(() => parseBilling("a: 1\na: 2", assets)).toThrow("Map keys must be unique");
  });

  it("by a process that does not start", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slipway-billing-"));
    const database = await openTestDatabase();
    try {
      const file = join(folder, "billing.yaml");
      await writeFile(file, withChange("currency", "gold"));
      const config = loadConfig({ SLIPWAY_BILLING_FILE: file });
      const log = pino({ level: "silent" });
      const start = openPlatform({ ...config, server: database.server, log, issuer: () => "" });
      const rule = "currency must be a three-letter ISO 4217 code in lower case, as in eur";
      await expect(start).rejects.toThrow(`SLIPWAY_BILLING_FILE (${file}): billing: ${rule}`);
    } finally {
      await database.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("decimal numbers", () => {
  it("come back as they were written, whatever their places", () => {
    const places = fc.nat(12);
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 18n), places, (value, count) => {
        expect(parseDecimal(formatDecimal(value, count), count)).toBe(value);
      }),
    );
    expect(formatDecimal(-1_500n, 3)).toBe("-1.5");
    expect(formatDecimal(5n, 9)).toBe("0.000000005");
  });

  it("are digits and a point, and no more places than there are", () => {
    for (const text of ["", ".5", "5.", "+5", "-5", " 5", "5 ", "1e3", "0x10", "1_000", "1,5", "١", "5.0000000000"]) {
      expect(parseDecimal(text, 9), text).toBeUndefined();
    }
    expect(parse("x: 5.10", { schema: "failsafe" })).toEqual({ x: "5.10" });
  });
});
