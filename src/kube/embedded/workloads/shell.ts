/** What a command may look at and speak with. */
export interface ShellEnvironment {
  readonly hostname: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly now: () => Date;
  /** The content of a mounted file; undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** All that the caller sends, until it closes. */
  readonly readInput: () => Promise<string>;
  /** The next line that the caller types; undefined at the end. Only with a terminal. */
  readonly readLine?: (() => Promise<string | undefined>) | undefined;
  /** Resolves earlier when the caller goes away. */
  readonly sleep: (ms: number) => Promise<void>;
  /** The rows and columns of the caller's terminal. */
  readonly terminal: () => { readonly rows: number; readonly columns: number } | undefined;
  /** What becomes of a program that is not there; default: a message and 127. */
  readonly unknown?: (name: string) => number;
}

type Program = (environment: ShellEnvironment, args: readonly string[]) => number | Promise<number>;

const longestScript = 10_000;
const interpreters = /^(?:\/usr)?(?:\/bin\/)?(?:sh|bash|ash)$/;

/** Programs that a container has; anything else is not found. */
const programs: Readonly<Record<string, Program>> = {
  echo: (environment, args) => say(environment, args.join(" ")),
  printf: ({ write }, args) => {
    write(args.join(" ").replaceAll("\\n", "\n"));
    return 0;
  },
  env: (environment) =>
    say(environment, [...environment.variables].map(([name, value]) => `${name}=${value}`).join("\n")),
  printenv: (environment, [name = ""]) => {
    const value = environment.variables.get(name);
    return value === undefined ? 1 : say(environment, value);
  },
  cat: async (environment, paths) => {
    if (paths.length === 0) environment.write(await environment.readInput());
    return paths.reduce((code, path) => readOut(environment, path) || code, 0);
  },
  true: () => 0,
  ":": () => 0,
  false: () => 1,
  sleep: async ({ sleep, writeError }, [seconds = ""]) => {
    if (seconds !== "infinity" && !/^\d+(\.\d+)?$/.test(seconds)) {
      writeError(`sleep: invalid number '${seconds}'\n`);
      return 1;
    }
    await sleep(seconds === "infinity" ? Number.POSITIVE_INFINITY : Number(seconds) * 1000);
    return 0;
  },
  id: (environment, [flag]) => say(environment, flag === "-u" ? "0" : "uid=0(root) gid=0(root) groups=0(root)"),
  whoami: (environment) => say(environment, "root"),
  hostname: (environment) => say(environment, environment.hostname),
  date: (environment) => say(environment, environment.now().toUTCString().replace("GMT", "UTC")),
  test: ({ readFile }, [flag = "", path = ""]) => {
    if (flag === "-x") return path === "/bin/sh" ? 0 : 1;
    return ["-e", "-f", "-r", "-s"].includes(flag) && readFile(path) !== undefined ? 0 : 1;
  },
  pwd: (environment) => say(environment, "/"),
  stty: (environment, [what]) => {
    const size = environment.terminal();
    return what === "size" && size !== undefined ? say(environment, `${size.rows} ${size.columns}`) : 1;
  },
};

function say({ write }: ShellEnvironment, line: string): number {
  write(`${line}\n`);
  return 0;
}

function readOut({ readFile, write, writeError }: ShellEnvironment, path: string): number {
  const content = readFile(path);
  if (content === undefined) writeError(`cat: can't open '${path}': No such file or directory\n`);
  else write(content);
  return content === undefined ? 1 : 0;
}

/** Runs a command to its exit code; 127 for one that is not known. */
export async function runCommand(environment: ShellEnvironment, command: readonly string[]): Promise<number> {
  const [name = "", flag, script = ""] = command;
  if (!interpreters.test(name)) return await runProgram(environment, command);
  if (flag === undefined || flag === "-i") return await converse(environment);
  if (flag === "-c" || flag === "-ec" || flag === "-lc") return await runScript(environment, script);
  environment.writeError(`${name}: ${flag}: No such file or directory\n`);
  return 127;
}

/** Runs what is typed, line by line at a terminal, or else all of it when it has come. */
async function converse(environment: ShellEnvironment): Promise<number> {
  const { readLine, write } = environment;
  if (readLine === undefined) return await runScript(environment, await environment.readInput());
  let state: Progress = { code: 0, isOver: false };
  while (!state.isOver) {
    write("# ");
    const line = await readLine();
    if (line === undefined) return state.code;
    state = await runStatements(environment, line, state.code);
  }
  return state.code;
}

async function runProgram(environment: ShellEnvironment, [name = "", ...args]: readonly string[]): Promise<number> {
  const program = Object.hasOwn(programs, baseName(name)) ? programs[baseName(name)] : undefined;
  if (program !== undefined) return await program(environment, args);
  if (environment.unknown !== undefined) return environment.unknown(name);
  environment.writeError(`sh: ${name}: not found\n`);
  return 127;
}

function baseName(path: string): string {
  return path.startsWith("/bin/") || path.startsWith("/usr/bin/") ? path.slice(path.lastIndexOf("/") + 1) : path;
}

/** How far a shell is: the code of its last command, and whether it is over. */
interface Progress {
  readonly code: number;
  readonly isOver: boolean;
}

const runScript = async (environment: ShellEnvironment, script: string): Promise<number> =>
  (await runStatements(environment, script, 0)).code;

/** Runs commands with `;`, newlines, `&&` and `||` between them, and quotes and $variables in them. */
async function runStatements(environment: ShellEnvironment, script: string, before: number): Promise<Progress> {
  if (script.length > longestScript) {
    environment.writeError("sh: the script is too long\n");
    return { code: 2, isOver: false };
  }
  let code = before;
  for (const { when, words } of statementsOf(script, environment.variables, () => code)) {
    if ((when === "&&" && code !== 0) || (when === "||" && code === 0)) continue;
    const line = words();
    const [name, status] = line;
    if (name === undefined) continue;
    if (name === "exit") return { code: status === undefined ? code : Number(status) & 255 || 0, isOver: true };
    if (name === "exec") return { code: await runCommand(environment, line.slice(1)), isOver: true };
    code = await runCommand(environment, [...line]);
  }
  return { code, isOver: false };
}

interface Statement {
  /** What stands before it. */
  readonly when: string;
  readonly words: () => readonly string[];
}

const token = /[^\S\n]*(&&|\|\||[;\n])|[^\S\n]*((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"';&|\\])+)|[^\S\n]*([&|"'\\])/y;

function statementsOf(script: string, variables: ReadonlyMap<string, string>, code: () => number): Statement[] {
  const statements: Statement[] = [];
  let when = ";";
  let words: string[] = [];
  const end = (next: string): void => {
    const own = words;
    if (own.length > 0) statements.push({ when, words: () => own.map((word) => expanded(word, variables, code)) });
    words = [];
    when = next;
  };
  token.lastIndex = 0;
  const text = script.replace(/[^\S\n]+$/, "");
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, separator, word, odd] = match;
    if (separator !== undefined) end(separator);
    else words.push(word ?? odd ?? "");
  }
  end(";");
  return statements;
}

/** A word without its quotes, and with the values of its variables. */
function expanded(word: string, variables: ReadonlyMap<string, string>, code: () => number): string {
  const pieces = word.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|([^"'\\]+)/g);
  const valued = (text: string): string =>
    text.replace(/\$(?:(\w+)|\{(\w+)\}|\?)/g, (all, plain?: string, braced?: string) =>
      all === "$?" ? String(code()) : (variables.get(plain ?? braced ?? "") ?? ""),
    );
  return [...pieces]
    .map(([, double, single, escaped, bare]) => {
      if (double !== undefined) return valued(double.replaceAll(/\\(["\\])/g, "$1"));
      return single ?? escaped ?? valued(bare ?? "");
    })
    .join("");
}
