import type { MessageInitShape } from "@bufbuild/protobuf";
import { TokenService, type TokenServiceCreateRequestSchema } from "../../../gen/ts/api/v1/token_pb.js";
import { tokenStore } from "../../../src/resources/api/token/store.js";
import { as, type TestPlatform } from "../../support/platform.js";

type CreateInit = Exclude<MessageInitShape<typeof TokenServiceCreateRequestSchema>, { $typeName: string }>;

/** What a token is asked to give. */
export type Asked = Omit<CreateInit, "description">;

/** What the tests do with tokens, as the owner of the platform's first tenant unless told otherwise. */
export function tokensOf(platform: TestPlatform) {
  const client = platform.client(TokenService);
  const create = (asked: Asked, by = platform.tokens.owner) =>
    client.create({ description: "for a test", ...asked }, as(by));
  return {
    client,
    create,
    secretOf: async (asked: Asked, by?: string): Promise<string> => (await create(asked, by)).secret,
    /** A token of the kind that signing in makes. */
    async console(user: string): Promise<string> {
      const { db, tokens, clock, newId } = platform.platform;
      const issuedAt = new Date(Math.floor(clock().getTime() / 1000) * 1000);
      const expiresAt = new Date(issuedAt.getTime() + 3_600_000);
      const row = { id: newId(), owner: user, type: "console" as const, issuedAt, expiresAt };
      const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
      await tokenStore.insert(db, { ...row, ...grants, description: "console" });
      return await tokens.sign({ tokenId: row.id, user, type: "console", issuedAt, expiresAt });
    },
  };
}
