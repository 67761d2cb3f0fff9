// Prints how many operations of other systems are covered, from the ledger,
// the contract and the report of a test run.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadDescriptors } from "./descriptors.js";
import { bracketed, type Coverage, coverage, parseLedger, unknownIds } from "./ledger.js";
import { root } from "./run.js";

interface TestReport {
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

const { values } = parseArgs({
  options: {
    report: { type: "string", default: ".cache/test-report.json" },
    missing: { type: "string" },
  },
});

if (existsSync(values.report)) {
  await printCoverage(values.report);
} else {
  console.error(`There is no test report at ${values.report}: npm test makes one.`);
  process.exitCode = 1;
}

async function printCoverage(reportPath: string): Promise<void> {
  const operations = parseLedger(readFileSync(join(root, "docs", "operations.tsv"), "utf8"));
  const tested = bracketed(passedTitles(reportPath));
  const systems = coverage(operations, await existingRpcs(), tested);
  if (values.missing === undefined) printTable(systems);
  else printMissing(systems, values.missing);
  for (const id of unknownIds(operations, tested)) {
    console.error(`A test title carries ${id}, which is no operation.`);
    process.exitCode = 1;
  }
}

function passedTitles(reportPath: string): string[] {
  const report: TestReport = JSON.parse(readFileSync(reportPath, "utf8"));
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return tests.filter(({ status }) => status === "passed").map(({ fullName }) => fullName);
}

async function existingRpcs(): Promise<Set<string>> {
  const services = (await loadDescriptors()).flatMap((file) => file.services);
  return new Set(services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)));
}

function printTable(systems: readonly Coverage[]): void {
  const total = (figure: "covered" | "operations" | "without") => systems.reduce((sum, each) => sum + each[figure], 0);
  const rows = [
    ["system", "covered", "of", "without counterpart"],
    ...systems.map(({ system, covered, operations, without }) => [system, covered, operations, without]),
    ["all", total("covered"), total("operations"), total("without")],
  ];
  for (const [system, covered, operations, without] of rows) {
    console.log(`${`${system}`.padEnd(12) + `${covered}`.padStart(8) + `${operations}`.padStart(6)}  ${without}`);
  }
}

function printMissing(systems: readonly Coverage[], name: string): void {
  const found = systems.find(({ system }) => system === name);
  if (found === undefined) {
    console.error(`There is no system ${name}; there are ${systems.map(({ system }) => system).join(", ")}.`);
    process.exitCode = 1;
    return;
  }
  console.log([...found.missing].map(([id, gap]) => `${id}: ${gap}`).join("\n") || "nothing");
}
