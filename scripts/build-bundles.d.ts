/** Runs a tool that npm has installed; throws when it fails. */
export type RunTool = (name: string, args: readonly string[]) => void;

/** Builds the console and the program with Vite, unless they were built from the same files; others may do so at the same time. */
export function buildBundles(root: string, runTool: RunTool): void;
