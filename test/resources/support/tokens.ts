import type { MessageInitShape } from "@bufbuild/protobuf";
import { TokenService, type TokenServiceCreateRequestSchema } from "../../../gen/ts/api/v1/token_pb.js";
import { issueToken } from "../../../src/resources/api/token/issue.js";
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
      const order = { id: newId(), owner: user, type: "console", description: "console" } as const;
      const grants = { permissions: {}, projectRoles: {}, tenantRoles: {}, adminRole: null };
      return (await issueToken(db, tokens, { ...order, ...grants, now: clock(), seconds: 3_600 })).secret;
    },
  };
}
