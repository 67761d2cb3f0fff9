/** Reads what is typed at a terminal line by line, and echoes it as terminals do. */
export interface TerminalLines {
  /** The next line, without its end; undefined when no more comes. */
  next(): Promise<string | undefined>;
}

const longestLine = 4_096;
const enter = new Set(["\r", "\n"]);
const erase = new Set(["\b", "\x7f"]);

/** Takes what is typed from `input`; `echo` shows it. */
export function terminalLines(input: AsyncIterable<unknown>, echo: (text: string) => void): TerminalLines {
  const keys = keysOf(input);
  return {
    async next() {
      let line = "";
      for (let key = await keys.next(); key.done !== true; key = await keys.next()) {
        if (enter.has(key.value)) {
          echo("\n");
          return line;
        }
        // Control-C gives a line up; Control-D on an empty one leaves.
        if (key.value === "\x03") {
          echo("^C\n");
          return "";
        }
        if (key.value === "\x04" && line === "") return undefined;
        if (erase.has(key.value)) {
          if (line !== "") echo("\b \b");
          line = line.slice(0, -1);
        } else if (key.value >= " " && line.length < longestLine) {
          line += key.value;
          echo(key.value);
        }
      }
      return line === "" ? undefined : line;
    },
  };
}

async function* keysOf(input: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of input) {
    // A terminal that sends both for one key means it once.
    yield* decoder.decode(chunk as Uint8Array, { stream: true }).replaceAll("\r\n", "\n");
  }
}
