import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/root.js";
import { readMarkdown } from "./support/markdown.js";
import { runDocument } from "./support/run-document.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-runner-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const block = (script: string, ...directions: string[]) =>
  `${directions.map((each) => `<!-- ${each} -->\n`).join("")}\`\`\`sh\n${script}\n\`\`\`\n\n`;

/** Runs a document of such blocks without a server. */
async function run(text: string, others: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [name, content] of Object.entries({ ...others, "document.md": text })) {
    await writeFile(join(folder, name), content);
  }
  await runDocument(relative(packageRoot(), join(folder, "document.md")), { server: false });
}

describe("a document that is run", () => {
  it("keeps variables, functions and the folder from block to block, and looks like a checkout", async () => {
    await run(
      block('COLOUR=green\nsay() { echo "it is $1"; }\nmkdir sub && cd sub') +
        block("say $COLOUR", "prints: it is green") +
        block("cat ../package.json; ls -a ..", 'prints: "name": "slipway"'),
    );
  });

  it("fails with the block, its line and what it printed", async () => {
    await expect(run(`Words.\n\n${block("echo before; false; echo after")}`)).rejects.toThrow(
      /document\.md:3: ended with 1\necho before; false; echo after\n--- what it printed ---\nbefore\n$/,
    );
    await expect(run(block("false | cat"))).rejects.toThrow("ended with 1");
    await expect(run(block("echo one", "prints: two"))).rejects.toThrow("did not print two");
  });

  it("fails where a call failed, of which curl tells nothing", async () => {
    const answer = block(`echo '{"code":"not_found","message":"there is none"}'`);
    await expect(run(answer)).rejects.toThrow("a call failed");
    await expect(run(block(`printf '{\\n  "code": "internal",\\n  "message": "x"\\n}\\n'`))).rejects.toThrow(
      "a call failed",
    );
    await run(block(`echo '{"code":"not_found","message":"there is none"}'`, "prints: not_found"));
  });

  it("ends streams with Ctrl-C, and goes on after them", async () => {
    const stream = "for i in 1 2 3; do echo line $i; done; sleep 600";
    await run(block(stream, "runs until: line 3") + block("echo alive", "prints: alive"));
    await expect(run(block("echo other", "runs until: line 3"))).rejects.toThrow("ended before it printed line 3");
  });

  it("comes after the documents that it names", async () => {
    const first = block("NAME=first");
    await run(`<!-- after: first.md -->\n\n${block('echo "$NAME"', "prints: first")}`, { "first.md": first });
    await expect(run("<!-- after: document.md -->\n")).rejects.toThrow("comes after");
  });

  it("does not run what is not to be run, nor what has been run before", async () => {
    await run(block("exit 1", "not run: it would end the test") + block("npm start   # takes a while\nnpm run build"));
    await expect(run(block("npm run no-such-script"))).rejects.toThrow("ended with 1");
  });
});

describe("a document that is read", () => {
  it("says what is wrong with its directions and fences", () => {
    const read = (text: string) => () => readMarkdown("x.md", text);
    expect(read(block("true", "not run:"))).toThrow('x.md:1: "not run" does not say what');
    expect(read(block("true", "sometimes: yes"))).toThrow("x.md:1: an unknown direction");
    expect(read("```\ntext\n```\n")).toThrow("x.md:1: the block has no language");
    expect(read("```sh\ntrue\n")).toThrow("x.md:1: the block has no end");
    expect(read("<!-- prints: x -->\n\nwords\n")).toThrow('x.md:3: "prints" is not followed by a block');
  });
});
