import type { ServiceImpl } from "@connectrpc/connect";
import type { RuntimeService } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { callerOf } from "../../../../caller.js";
import type { Platform } from "../../../../platform.js";
import { runCommand } from "./command.js";
import { sendShellInput } from "./input.js";
import { openShell } from "./open-shell.js";
import { startShell } from "./start-shell.js";

/** The methods of RuntimeService that run commands. */
export function shellHandlers(
  platform: Platform,
): Pick<ServiceImpl<typeof RuntimeService>, "runCommand" | "openShell" | "startShell" | "sendShellInput"> {
  return {
    runCommand: (request, { signal }) => runCommand(platform, request, signal),
    openShell: (requests, { signal }) => openShell(platform, requests, signal),
    startShell: (request, context) =>
      startShell(platform, request, { principal: callerOf(context).user, signal: context.signal }),
    async sendShellInput(request, context) {
      await sendShellInput(platform, request, callerOf(context).user);
      return {};
    },
  };
}
