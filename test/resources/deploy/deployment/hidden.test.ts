import { randomBytes } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditEntries } from "../../../../src/resources/api/audit/table.js";
import { as, startPlatform, type TestPlatform } from "../../../support/platform.js";
import { refusal } from "../../support/refusals.js";
import { tablesWith } from "../../support/tables.js";
import { dataOf, secretsOf } from "../secret/secrets.js";
import { deploymentsOf, newName, type Patch } from "./deployments.js";

let platform: TestPlatform;
let all: Awaited<ReturnType<typeof deploymentsOf>>;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
  all = await deploymentsOf(platform, platform);
});
afterAll(() => platform.close());

const db = () => platform.platform.db;
const reveals = () =>
  db().select().from(auditEntries).where(eq(auditEntries.method, "/deploy.v1.DeploymentService/RevealCredentials"));

it("sensitive values are in no answer, record, log line, table or refusal but those of RevealCredentials [pds.get-deployment-credentials]", async () => {
  const { project } = platform;
  // Of a length that base64 leaves as it is wherever it stands.
  const marker = `hush${randomBytes(13).toString("hex")}`.slice(0, 30);
  const { uuid: secret } = await secretsOf(platform, platform).create({ data: dataOf({ password: marker }) });
  const config: Patch = {
    setVariables: [
      { name: "PASSWORD", value: marker, sensitive: true },
      { name: "TAKEN", secret: { secret, key: "password" } },
      { name: "PLAIN", value: "shown" },
    ],
  };
  const answers: unknown[] = [];
  const idempotencyKey = newName("key");
  const made = await all.create({ config, options: { idempotencyKey } });
  const { uuid } = made;
  answers.push(made, await all.releasesOf(uuid), await all.release(uuid, 1));
  await all.work(uuid);
  answers.push(await all.configure(uuid, config, { idempotencyKey: newName("key") }));
  answers.push(await all.configure(uuid, config, { validateOnly: true }));
  answers.push(await all.update(uuid, { config, options: { reason: "again" } }));
  answers.push(await all.get(uuid), await all.client.list({ project }, all.owner));
  answers.push(await all.configs.get({ project, deployment: uuid }, all.owner));
  answers.push(await all.release(uuid, 2), await all.releases.list({ project }, all.owner));
  for await (const each of all.client.watch({ project, deployment: uuid }, all.owner)) {
    answers.push(each);
    break;
  }
  const refused = [
    () => all.create({ name: made.deployment?.name ?? "", config }),
    () => all.configure(uuid, config, { idempotencyKey }),
    () => all.configure(uuid, config, { expectedVersion: 99n }),
    () => all.configure(uuid, { ...config, unsetVariables: ["NONE"] }),
    () => all.configure(uuid, { ...config, unsetVariables: ["PASSWORD"] }),
    () => all.configure(uuid, { setFiles: [{ path: "no path", content: marker }] }),
    () => all.configure(uuid, config, {}, as(platform.tokens.viewer)),
  ];
  for (const call of refused) answers.push(await refusal(call()));
  const client = all.client;
  const reveal = async (variable = "") =>
    (await client.revealCredentials({ project, deployment: uuid, variable }, all.owner)).values;
  expect(await reveal()).toEqual({ PASSWORD: marker, TAKEN: marker });
  expect(await reveal("PASSWORD")).toEqual({ PASSWORD: marker });
  expect(await refusal(reveal("PLAIN"))).toMatchObject({ code: "NotFound" });
  await expect.poll(async () => (await reveals()).filter(({ phase }) => phase === "response").length).toBe(3);
  const shown = JSON.stringify([answers, platform.lines, await reveals()], (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  expect(shown).toContain("PASSWORD");
  for (const form of [marker, Buffer.from(marker).toString("base64"), Buffer.from(marker).toString("hex")]) {
    expect(await tablesWith(platform, form)).toEqual([]);
    expect(shown).not.toContain(form);
  }
});

it("a value that is no text is not revealed as one", async () => {
  const values = { key: new Uint8Array([0xff, 0xfe]) };
  const { uuid: secret } = await secretsOf(platform, platform).create({ data: { values } });
  const uuid = await all.running({ config: { setVariables: [{ name: "BYTES", secret: { secret, key: "key" } }] } });
  expect(
    await refusal(all.client.revealCredentials({ project: platform.project, deployment: uuid }, all.owner)),
  ).toMatchObject({ code: "FailedPrecondition", message: expect.stringContaining("BYTES") });
});
