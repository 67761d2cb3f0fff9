import { AuthService } from "../../../../gen/ts/iam/v1/auth_pb.js";
import { newSecret } from "../../../../src/auth/secrets.js";
import { ensurePersonalTenant } from "../../../../src/resources/api/tenant/personal.js";
import { passwordResets } from "../../../../src/resources/iam/principal/table.js";
import type { TestPlatform } from "../../../support/platform.js";

/** The password of the users of these tests. */
export const password = "correct horse battery";

let users = 0;

/** Makes a user with a password; answers the login. */
export async function newUser({ platform, client }: TestPlatform): Promise<string> {
  const { db, clock, newId } = platform;
  users += 1;
  const login = `user-${users}`;
  await ensurePersonalTenant(db, login, { now: clock(), newId });
  const { secret, digest } = newSecret("passwordReset", newId());
  const expiresAt = new Date(clock().getTime() + 3_600_000);
  await db.insert(passwordResets).values({ digest, principal: login, createdBy: "root", expiresAt });
  const proof = { case: "resetCode", value: secret } as const;
  await client(AuthService).setPassword({ username: login, proof, newPassword: password });
  return login;
}
