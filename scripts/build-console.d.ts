/** Runs a tool that npm has installed; throws when it fails. */
export type RunTool = (name: string, args: readonly string[]) => void;

/** Builds the console with Vite, unless it was built from the same files; others may do so at the same time. */
export function buildConsole(root: string, runTool: RunTool): void;
