import type { Command } from "commander";
import { readConfig } from "../config-file.js";
import { Failure } from "../failure.js";
import { run } from "../run.js";
import { openSession } from "../session.js";
import { chosenName, contextNamed } from "../settings.js";
import { forgetCredentials } from "../tokens.js";

/** `slipway logout`: ends the session at the server, and forgets the tokens of the context. */
export function logoutCommand(command: Command): void {
  command.option("--local", "forget the tokens without telling the server").action(
    run(async (session, options: { readonly local?: boolean }) => {
      const config = await readConfig();
      const name = chosenName(config, session.flags, process.env);
      if (name === undefined) throw new Failure("usage", "no context is in use: nobody is signed in");
      const context = contextNamed(config, name);
      // An API token was made to be used elsewhere, too: it is forgotten here and goes on.
      if (context.session !== undefined && options.local !== true) {
        const { AuthService } = await import("../../gen/ts/iam/v1/auth_pb.js");
        const { Code, ConnectError } = await import("@connectrpc/connect");
        // That of the context, wherever SLIPWAY_URL leads, and whatever token SLIPWAY_TOKEN has.
        const { url: _url, ...flags } = session.flags;
        const own = openSession({ ...flags, context: name }, false);
        await (await own.client(AuthService)).logout({}).catch((error: unknown) => {
          // The session has ended already.
          if (ConnectError.from(error).code !== Code.Unauthenticated) throw error;
        });
      }
      await forgetCredentials(name);
      session.note(`signed out of ${context.url} (context ${name})`);
    }),
  );
}
