import { once } from "node:events";

/** Writes to stdout or stderr, and waits while whoever reads is behind. */
export async function writeOut(stream: NodeJS.WriteStream, content: string | Uint8Array): Promise<void> {
  if (content.length > 0 && !stream.write(content)) await once(stream, "drain");
}
