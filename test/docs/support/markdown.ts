/** A fenced block of a document. */
export interface Block {
  /** The line of the fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly directions: Directions;
}

/** What the HTML comments right before a block say of how to run it. */
export interface Directions {
  /** Why it is not run on a test machine. */
  readonly notRun?: string;
  /** A stream that ends with Ctrl-C once it has printed this. */
  readonly until?: string;
  /** What it prints. */
  readonly prints: readonly string[];
}

/** A document with its blocks. */
export interface Document {
  /** The documents whose blocks run before, as links from this one. */
  readonly after: readonly string[];
  readonly blocks: readonly Block[];
}

const comment = /^\s*<!-- (after|not run|runs until|prints): ?(.*?) ?-->$/;

/** Reads a document; throws where a fence has no language or a direction says nothing. */
export function readMarkdown(name: string, text: string): Document {
  const after: string[] = [];
  const blocks: Block[] = [];
  const lines = text.split("\n");
  let pending: [kind: string, value: string][] = [];
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? "";
    const fence = /^( *)```(.*)$/.exec(line);
    const [, kind = "", value = ""] = comment.exec(line) ?? [];
    if (kind !== "") {
      if (value === "") throw new Error(`${name}:${i + 1}: "${kind}" does not say what`);
      if (kind === "after") after.push(value);
      else pending.push([kind, value]);
    } else if (fence !== null) {
      const [, indent = "", language = ""] = fence;
      if (language === "") throw new Error(`${name}:${i + 1}: the block has no language: sh, text, yaml, ...`);
      const end = lines.indexOf(`${indent}\`\`\``, i + 1);
      if (end < 0) throw new Error(`${name}:${i + 1}: the block has no end`);
      const content = lines.slice(i + 1, end).map((each) => each.replace(indent, ""));
      blocks.push({ line: i + 1, language, text: content.join("\n"), directions: directionsOf(pending) });
      pending = [];
      i = end;
    } else if (line.trim() !== "" && pending.length > 0) {
      throw new Error(`${name}:${i + 1}: "${pending[0]?.[0]}" is not followed by a block`);
    } else if (/<!--/.test(line)) {
      throw new Error(`${name}:${i + 1}: an unknown direction: ${line.trim()}`);
    }
  }
  return { after, blocks };
}

function directionsOf(said: readonly [kind: string, value: string][]): Directions {
  const of = (kind: string) => said.filter(([name]) => name === kind).map(([, value]) => value);
  const [notRun] = of("not run");
  const [until] = of("runs until");
  return {
    prints: of("prints"),
    ...(notRun === undefined ? {} : { notRun }),
    ...(until === undefined ? {} : { until }),
  };
}
