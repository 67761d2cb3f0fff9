import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A reporter of vitest that writes the names of the tests that passed only on a second try, as a JSON array. */
export function flakyReporter(file) {
  const names = [];
  return {
    onTestCaseResult(test) {
      if (test.diagnostic()?.flaky) names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
    },
    onTestRunEnd() {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(names));
    },
  };
}
