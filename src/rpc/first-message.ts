import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { callOf, setRequest } from "./call.js";
import { isUndecodable } from "./refusals.js";
import { peek } from "./streams.js";

/**
 * Reads the request of a server stream ahead, so that the call can be
 * authorized, validated and audited before its handler runs.
 */
export const readFirstMessage: Interceptor = (next) => async (req) => {
  if (!req.stream || req.method.methodKind !== "server_streaming") return next(req);
  const { first, all } = await peek(req.message).catch(blameCaller);
  if (first === undefined) throw new ConnectError("the request has no message", Code.InvalidArgument);
  setRequest(callOf(req), first);
  return next({ ...req, message: all });
};

function blameCaller(error: unknown): never {
  const { code, rawMessage: message } = ConnectError.from(error);
  throw isUndecodable({ code, message }) ? new ConnectError(message, Code.InvalidArgument) : error;
}
