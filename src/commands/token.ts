import type { Logger } from "pino";
import { v7 as uuidv7 } from "uuid";
import { createKeyring } from "../auth/keyring.js";
import { createSigningKeys } from "../auth/signing-keys.js";
import { createTokens } from "../auth/tokens.js";
import type { Config } from "../config.js";
import type { AdminRoleName } from "../resources/api/roles.js";
import { ensurePersonalTenant } from "../resources/api/tenant/personal.js";
import { issueToken } from "../resources/api/token/issue.js";
import { principalStore } from "../resources/iam/principal/store.js";
import { issuerOf } from "./serve.js";
import { demandSettings, demandUsable, openDatabase } from "./settings.js";

/** Which token an operator asks for. */
export interface TokenOptions {
  readonly user: string;
  readonly admin: AdminRoleName | undefined;
  readonly description: string;
  /** Lifetime in seconds. */
  readonly expires: number;
}

/**
 * `slipway issue-token`: makes a user with a personal tenant and its default
 * project, an operator where that is asked for, and answers the secret of a new
 * API token with all that the user may do.
 * Whoever can reach the database and the keyring may do this: it is how the
 * first operator comes to a token.
 */
export async function createOperatorToken(config: Config, log: Logger, options: TokenOptions): Promise<string> {
  demandSettings(config, ["databaseUrl", "keyring"]);
  const server = await openDatabase(config, log);
  try {
    await demandUsable(server, config);
    const clock = () => new Date();
    const tokens = createTokens(
      createSigningKeys(server.db, createKeyring(config.keyring), clock),
      () => issuerOf(config),
      clock,
    );
    await ensurePersonalTenant(server.db, options.user, { now: clock(), newId: uuidv7 });
    if (options.admin !== undefined) await principalStore.ensureUser(server.db, options.user, clock(), options.admin);
    const { secret } = await issueToken(server.db, tokens, {
      id: uuidv7(),
      owner: options.user,
      type: "api",
      permissions: {},
      description: options.description,
      projectRoles: { "*": "owner" },
      tenantRoles: { "*": "owner" },
      adminRole: options.admin ?? null,
      now: clock(),
      seconds: options.expires,
    });
    return secret;
  } finally {
    await server.close();
  }
}
