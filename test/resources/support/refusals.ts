import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../src/rpc/error-details.js";

/** What a call that is refused says: the name of its code, its words, and the fields that are wrong. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly fields: readonly string[];
}

/** How a call ends that shall be refused; a call that succeeds answers the code "OK". */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
    return { code: "OK", message: "", fields: [] };
  } catch (error) {
    const refused = ConnectError.from(error);
    return { code: Code[refused.code] ?? "", message: refused.rawMessage, fields: fieldsOf(refused) };
  }
}

/** The code alone. */
export const codeOf = async (call: Promise<unknown>): Promise<string> => (await refusal(call)).code;

function fieldsOf(error: ConnectError): string[] {
  type BadRequest = Message & { readonly fieldViolations: readonly { readonly field: string }[] };
  return error
    .findDetails(BadRequestSchema)
    .flatMap((detail) => (detail as BadRequest).fieldViolations.map(({ field }) => field));
}
