import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  SecretService,
  type SecretServiceCreateRequestSchema,
  type SecretServiceListRequestSchema,
  type SecretServiceRevealRequestSchema,
  type SecretServiceUpdateRequestSchema,
  SecretType,
} from "../../../../gen/ts/deploy/v1/secret_pb.js";
import { secrets, secretVersions } from "../../../../src/resources/deploy/secret/table.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Plain<MessageInitShape<typeof SecretServiceCreateRequestSchema>>;
type Change = Plain<MessageInitShape<typeof SecretServiceUpdateRequestSchema>>;
type Filter = Plain<MessageInitShape<typeof SecretServiceListRequestSchema>>;
type Asked = Plain<MessageInitShape<typeof SecretServiceRevealRequestSchema>>;

let made = 0;

/** A name that no other secret of this test file has. */
export const newName = (prefix = "s"): string => `${prefix}-${++made}`;

/** Content whose values are these texts. */
export const dataOf = (texts: Readonly<Record<string, string>>) => ({
  values: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, new TextEncoder().encode(text)])),
});

/** Secrets of a tenant's project, called for by its owner unless told otherwise. */
export function secretsOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const client = platform.client(SecretService);
  const owner = as(tokens.owner);
  const { db, newId } = platform.platform;
  return {
    client,
    owner,
    async create(order: Order = {}, by = owner) {
      const usual = { name: newName(), type: SecretType.OPAQUE, data: dataOf({ key: "value" }) };
      const { secret } = await client.create({ project, ...usual, ...order }, by);
      if (secret === undefined) throw new Error("no secret was answered");
      return secret;
    },
    async get(uuid: string, environment = "", by = owner) {
      return (await client.get({ project, environment, uuid }, by)).secret;
    },
    async update(uuid: string, change: Change, by = owner) {
      return (await client.update({ project, uuid, ...change }, by)).secret;
    },
    delete: (uuid: string, environment = "", by = owner) => client.delete({ project, environment, uuid }, by),
    async names(filter: Filter = {}, by = owner) {
      return (await client.list({ project, ...filter }, by)).secrets.map(({ name }) => name);
    },
    /** The version, and the values as texts. */
    async reveal(uuid: string, asked: Asked = {}, by = owner) {
      const { version, data } = await client.reveal({ project, uuid, ...asked }, by);
      const texts = Object.entries(data?.values ?? {}).map(([key, value]) => [key, Buffer.from(value).toString()]);
      return { version, values: Object.fromEntries(texts) };
    },
    /** Rows straight in the database, to reach limits soon. */
    async fill(count: number): Promise<void> {
      const stamps = { createdAt: new Date(), updatedAt: new Date() };
      const rows = Array.from({ length: count }, (_, i) => ({
        ...{ id: newId(), project, name: `fill-${i}`, type: "opaque" as const },
        ...stamps,
      }));
      await db.insert(secrets).values(rows);
      await db.insert(secretVersions).values(rows.map(({ id }) => versionOf(id)));
    },
  };

  function versionOf(secret: string) {
    return { id: newId(), secret, version: 1, keys: ["key"], dataSealed: "sealed", createdAt: new Date() };
  }
}
