import type { StoredSession } from "../config-file.js";
import { sessionOf } from "../connection.js";
import { Failure } from "../failure.js";
import { askHidden, readSecret } from "../prompt.js";
import type { Session } from "../session.js";

/** Signs in with a name and a password, which is asked for or read from standard input. */
export async function signInWithPassword(
  session: Session,
  options: { readonly user?: string; readonly passwordStdin?: boolean },
): Promise<StoredSession> {
  const { user } = options;
  if (user === undefined) throw new Failure("usage", "whose password?", ["Name the user with --user LOGIN."]);
  const password =
    options.passwordStdin === true
      ? await readSecret()
      : await askHidden(`Password of ${user}: `, "Use --password-stdin to give the password otherwise.");
  const { AuthService } = await import("../../gen/ts/iam/v1/auth_pb.js");
  const client = await session.client(AuthService);
  const grant = { case: "password", value: { username: user, password } } as const;
  return sessionOf(await client.exchangeToken({ grant }));
}
