import { defineConfig } from "vitest/config";
import { flakyReporter } from "./scripts/flaky-reporter.js";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most of a test's time is spent waiting for servers; what it takes to load them is spent once for each worker.
    isolate: false,
    maxWorkers: 3,
    // What scripts/test.js reads.
    reporters: [
      "default",
      ["json", { outputFile: ".cache/test-report.json" }],
      flakyReporter(".cache/flaky-tests.json"),
    ],
  },
});
