import module from "node:module";

// Node 22 and later keep what they have compiled for the next start.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

const { runProgram } = await import("../cli/program.js");
await runProgram(process.argv.slice(2));
