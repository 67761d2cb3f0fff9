import type { Reporter } from "vitest/reporters";

export function flakyReporter(file: string): Reporter;
