import { randomBytes } from "node:crypto";
import { and, eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SecretType } from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { createKeyring } from "../../../../src/auth/keyring.js";
import { resealAll } from "../../../../src/auth/reseal.js";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { valuesOf } from "../../../../src/resources/deploy/secret/content.js";
import { secretVersions } from "../../../../src/resources/deploy/secret/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { codeOf } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";
import { issue } from "./certificates.js";
import { dataOf, newName, secretsOf } from "./secrets.js";

let platform: TestPlatform;
let all: ReturnType<typeof secretsOf>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  all = secretsOf(platform, platform);
});
afterAll(() => platform.close());

const db = () => platform.platform.db;
const reveals = () =>
  db().select().from(auditEntries).where(eq(auditEntries.method, "/deploy.v1.SecretService/Reveal"));

describe("the content of a secret", () => {
  it("is in no log, no record, no table and no refusal", async () => {
    // Of a length that base64 leaves as it is wherever it stands.
    const marker = `hush${randomBytes(13).toString("hex")}`.slice(0, 30);
    const data = dataOf({ password: marker });
    const { uuid, name } = await all.create({ data });
    await all.update(uuid, { data });
    const refused: [string, () => Promise<unknown>][] = [
      ["AlreadyExists", () => all.create({ name, data })],
      ["Aborted", () => all.update(uuid, { data, expectedVersion: 1n })],
      ["NotFound", () => all.update(platform.project, { data })],
      ["PermissionDenied", () => all.update(uuid, { data }, as(platform.tokens.viewer))],
      ["Unauthenticated", () => all.update(uuid, { data }, as("broken"))],
      [
        "InvalidArgument",
        () => all.create({ type: SecretType.TLS, data: dataOf({ "tls.crt": marker, "tls.key": marker }) }),
      ],
      ["InvalidArgument", () => all.create({ type: SecretType.REGISTRY, data })],
      ["InvalidArgument", () => all.create({ name: "NO", data })],
    ];
    const words: string[] = [];
    for (const [code, call] of refused) {
      expect(
        await codeOf(
          call().catch((error: Error) => {
            words.push(String(error), JSON.stringify(error, null, 1));
            throw error;
          }),
        ),
      ).toBe(code);
    }
    expect(words).toHaveLength(2 * refused.length);
    expect((await all.reveal(uuid)).values).toEqual({ password: marker });
    await expect
      .poll(async () => (await reveals()).map(({ phase }) => phase).toSorted())
      .toEqual(["request", "response"]);
    expect(await tablesWith(platform, name)).toEqual(expect.arrayContaining(["secrets", "audit_entries"]));
    const shown = JSON.stringify([words, platform.lines, await reveals()]);
    for (const form of [marker, Buffer.from(marker).toString("base64"), Buffer.from(marker).toString("hex")]) {
      expect(await tablesWith(platform, form)).toEqual([]);
      expect(shown).not.toContain(form);
    }
  });

  it("is not revealed while the audit log cannot take it down", async () => {
    const { uuid } = await all.create();
    const before = (await reveals()).length;
    await db().execute(sql`
      create function refuse_records() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$`);
    await db().execute(sql`
      create trigger refuse before insert on audit_entries for each row
      when (new.phase = 'request') execute function refuse_records()`);
    try {
      expect(await codeOf(all.reveal(uuid))).toBe("Unavailable");
    } finally {
      await db().execute(sql`drop trigger refuse on audit_entries`);
    }
    expect((await all.reveal(uuid)).values).toEqual({ key: "value" });
    await expect.poll(async () => (await reveals()).length).toBe(before + 3);
    const recorded = (await reveals()).filter(({ phase, body }) => phase === "request" && body?.includes(uuid));
    expect(recorded).toMatchObject([{ user: platform.tenant, project: platform.project }]);
  });

  it("is sealed, and never changes", async () => {
    const { uuid } = await all.create();
    const where = and(eq(secretVersions.secret, uuid), eq(secretVersions.version, 1));
    const [row] = await db().select().from(secretVersions).where(where);
    expect(valuesOf(await platform.platform.keyring.open(row?.dataSealed ?? ""))).toEqual(
      dataOf({ key: "value" }).values,
    );
    for (const change of [{ version: 7 }, { keys: ["other"] }]) {
      await expect(db().update(secretVersions).set(change).where(where)).rejects.toThrow();
    }
    expect(await all.reveal(uuid)).toMatchObject({ version: 1n, values: { key: "value" } });
  });
});

describe("when the keyring changes", () => {
  it("every version is sealed with the newest key, and opens to the same", async () => {
    const own = await startPlatform({ background: false });
    try {
      const secrets = secretsOf(own, own);
      const { cert, key } = await issue();
      const tls = { type: SecretType.TLS, data: dataOf({ "tls.crt": cert, "tls.key": key }) };
      const certificate = await secrets.create(tls);
      const { uuid } = await secrets.create({ name: newName() });
      for (let i = 0; i < 23; i += 1) await secrets.update(uuid, { data: dataOf({ key: `value ${i}` }) });
      const next = { id: "next", key: new Uint8Array(randomBytes(32)) };
      const results = await resealAll(own.platform.db, createKeyring([next, ...own.config.keyring]));
      const column = "secret_versions.data_sealed";
      expect(results.find((result) => result.column === column)).toEqual({ column, resealed: 25, unopened: 0 });
      const only = createKeyring([next]);
      const stored = await own.platform.db.select().from(secretVersions).orderBy(secretVersions.version);
      const opened = await Promise.all(
        stored.map(async ({ secret, version, dataSealed }) => ({
          secret,
          version,
          values: valuesOf(await only.open(dataSealed)),
        })),
      );
      const of = (id: string) => opened.filter(({ secret }) => secret === id).map(({ values }) => values);
      expect(of(certificate.uuid)).toEqual([tls.data.values]);
      const texts = ["value", ...Array.from({ length: 23 }, (_, i) => `value ${i}`)];
      expect(of(uuid)).toEqual(texts.map((text) => dataOf({ key: text }).values));
    } finally {
      await own.close();
    }
  });
});
