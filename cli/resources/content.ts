import { readFile } from "node:fs/promises";
import { Failure } from "../failure.js";

const mostBytes = 4 * 1024 * 1024;

/** The bytes of a file; those of standard input for -. */
export async function readContent(file: string): Promise<Buffer> {
  if (file !== "-") {
    const content = await readFile(file);
    if (content.length > mostBytes) throw new Failure("usage", `${file} is longer than ${mostBytes} bytes`);
    return content;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Buffer);
    size += bytes.length;
    if (size > mostBytes) throw new Failure("usage", `standard input is longer than ${mostBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** What a file of YAML or JSON holds. */
export async function readYaml(file: string): Promise<unknown> {
  const text = (await readContent(file)).toString("utf8");
  const { parse } = await import("yaml");
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Failure("usage", `${file} is no YAML: ${reason}`);
  }
}
