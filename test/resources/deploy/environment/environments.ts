import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  EnvironmentService,
  type EnvironmentServiceCreateRequestSchema,
  type EnvironmentServiceUpdateRequestSchema,
} from "../../../../gen/ts/deploy/v1/environment_pb.js";
import { environments } from "../../../../src/resources/deploy/environment/table.js";
import { targets } from "../../../../src/resources/deploy/target/table.js";
import { as, type TestPlatform, type TestTenant } from "../../../support/platform.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;
type Order = Plain<MessageInitShape<typeof EnvironmentServiceCreateRequestSchema>>;
type Change = Plain<MessageInitShape<typeof EnvironmentServiceUpdateRequestSchema>>;

let made = 0;

/** A name that no other environment of this test file has. */
export const newName = (prefix = "env"): string => `${prefix}-${++made}`;

/** Environments of a tenant's project, called for by its owner unless told otherwise. */
export function environmentsOf(platform: TestPlatform, { project, tokens }: TestTenant) {
  const client = platform.client(EnvironmentService);
  const owner = as(tokens.owner);
  const { db, newId } = platform.platform;
  return {
    client,
    owner,
    async create(order: Order = {}, by = owner) {
      const { environment } = await client.create({ project, name: newName(), ...order }, by);
      if (environment === undefined) throw new Error("no environment was answered");
      return environment;
    },
    async get(uuid: string, by = owner) {
      return (await client.get({ project, environment: uuid }, by)).environment;
    },
    async update(uuid: string, change: Change, by = owner) {
      return (await client.update({ project, uuid, ...change }, by)).environment;
    },
    delete: (uuid: string, by = owner) => client.delete({ project, uuid }, by),
    async names(filter: { name?: string; labels?: Record<string, string> } = {}, by = owner) {
      return (await client.list({ project, ...filter }, by)).environments.map(({ name }) => name);
    },
    /** Rows straight in the database, to reach limits soon. */
    async fill(count: number): Promise<void> {
      const stamps = { createdAt: new Date(), updatedAt: new Date() };
      const rows = Array.from({ length: count }, (_, i) => ({ id: newId(), project, name: `fill-${i}`, ...stamps }));
      await db.insert(environments).values(rows);
    },
    /** A target of the project, or of another one, of which nothing is known. */
    async target(of = project): Promise<string> {
      const [id, stamps] = [newId(), { createdAt: new Date(), updatedAt: new Date() }];
      await db.insert(targets).values({ id, project: of, name: id, kubeconfigSealed: "sealed", ...stamps });
      return id;
    },
  };
}
