import { readFile } from "node:fs/promises";
import { Failure } from "./failure.js";

const mostBytes = 64 * 1024;

/** Reads a secret from a file, or from standard input; the end of its line is left out. */
export async function readSecret(file?: string): Promise<string> {
  const text = file === undefined ? await readStdin() : await readFile(file, "utf8");
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") throw new Failure("usage", `${file ?? "standard input"} is empty`);
  return secret;
}

/** All of standard input, as far as it is no longer than what is read from it here. */
export async function readStdin(most = mostBytes): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > most) throw new Failure("usage", `standard input is longer than ${most} bytes`);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Asks at the terminal for what must not be seen; a failure when there is no terminal. */
export async function askHidden(question: string, otherwise: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw new Failure("usage", "there is no terminal to ask at", [otherwise]);
  // Before it is asked: what is typed at once must not be seen either.
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  try {
    const typed = readHidden();
    stderr.write(question);
    return await typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

/** Asks yes or no at the terminal; no unless it is answered with yes. */
export async function confirm(question: string, otherwise: string): Promise<boolean> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) throw new Failure("usage", "there is no terminal to ask at", [otherwise]);
  const { createInterface } = await import("node:readline/promises");
  const asking = createInterface({ input: stdin, output: stderr });
  const interrupted = new Promise<never>((_, reject) => {
    asking.once("SIGINT", () => reject(new Failure("interrupted", "interrupted; nothing was changed")));
  });
  try {
    const answer = await Promise.race([asking.question(`${question} [y/N] `), interrupted]);
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}

function readHidden(): Promise<string> {
  const { stdin } = process;
  let typed = "";
  return new Promise<string>((resolve, reject) => {
    const read = (text: string): void => {
      for (const sign of text) {
        const isEnd = sign === "\r" || sign === "\n";
        if (isEnd || sign === "\u0003" || sign === "\u0004") {
          stdin.off("data", read);
          if (isEnd) resolve(typed);
          else reject(new Failure(sign === "\u0003" ? "interrupted" : "usage", "nothing was entered"));
          return;
        }
        typed = sign === "\u007f" || sign === "\b" ? typed.slice(0, -1) : typed + sign;
      }
    };
    stdin.on("data", read);
  });
}
