import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Session } from "../session.js";

/**
 * Prints what is shown once. JSON and YAML have the whole answer; else the secret is alone on stdout, and what people
 * should know of it on stderr.
 */
export async function printSecretOnce<D extends DescMessage>(
  session: Session,
  schema: D,
  answer: MessageShape<D>,
  { secret, remark }: { readonly secret: string; readonly remark: string },
): Promise<void> {
  const { format } = session.out;
  if (format === "json" || format === "yaml") {
    const kind = { schema: async () => schema, name: () => secret, columns: [] };
    return await session.out.one(kind, answer);
  }
  session.note(remark);
  process.stdout.write(`${secret}\n`);
}
