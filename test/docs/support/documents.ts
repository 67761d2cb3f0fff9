import { readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/root.js";
import type { Tool } from "../../support/tools.js";
import { documentOf, type RunOptions } from "./run-document.js";

/** A document whose shell blocks a test runs, and how. */
export interface Runnable extends RunOptions {
  /** The test file that runs it; those of one file run one after the other. */
  readonly by:
    | "first-steps"
    | "clients"
    | "deployments"
    | "backends"
    | "operations"
    | "how-to-access"
    | "how-to-clusters"
    | "how-to-deployments";
  readonly needs?: readonly Tool[];
  /** Whether it may run beside others on one platform, in the order of this list: that saves many starts. */
  readonly shares?: true;
  /** Whether it needs a real PostgreSQL; it shares one with its group, in a database of their own. */
  readonly postgres?: true;
}

/** Every document with shell blocks. */
export const documents: Readonly<Record<string, Runnable>> = {
  "README.md": { by: "first-steps", needs: ["kubectl"] },
  "docs/quick-start.md": { by: "first-steps", needs: ["kubectl"] },
  "docs/cli.md": { by: "first-steps", needs: ["kubectl"] },
  "docs/api.md": { by: "backends", shares: true },
  "docs/clients/grpcurl.md": { by: "clients" },
  "docs/cli-commands.md": { by: "deployments", needs: ["kubectl"] },
  "docs/deployments.md": { by: "deployments" },
  "docs/embedded-kubernetes.md": { by: "backends", shares: true, needs: ["kubectl"] },
  "docs/gardener.md": { by: "backends", shares: true, needs: ["kubectl"] },
  "docs/configuration.md": { by: "backends", shares: true },
  "docs/cluster-api.md": {
    by: "backends",
    needs: ["kubectl"],
    serverFile: { setting: "SLIPWAY_PARTITIONS_FILE", after: "file makes use of it:" },
  },
  "docs/how-to/run-it-for-others.md": { by: "operations", postgres: true, shares: true },
  "docs/operating.md": { by: "operations", postgres: true, shares: true },
  "docs/how-to/upgrade.md": { by: "operations", postgres: true, shares: true },
  "docs/how-to/back-up-and-restore.md": { by: "operations", postgres: true, shares: true },
  "docs/how-to/README.md": { by: "how-to-clusters", shares: true },
  "docs/how-to/order-a-cluster.md": { by: "how-to-clusters", shares: true },
  "docs/how-to/connect-with-kubectl.md": { by: "how-to-clusters", shares: true, needs: ["kubectl"] },
  "docs/how-to/snapshot-and-restore-a-volume.md": { by: "how-to-clusters", shares: true, needs: ["kubectl"] },
  "docs/how-to/keep-an-address.md": { by: "how-to-clusters", shares: true },
  "docs/how-to/give-a-colleague-access.md": { by: "how-to-access", shares: true },
  "docs/how-to/read-usage-and-invoices.md": { by: "how-to-access", shares: true },
  "docs/how-to/make-a-token-for-ci.md": { by: "how-to-access", shares: true },
  "docs/how-to/where-to-deploy.md": { by: "how-to-deployments", shares: true },
  "docs/how-to/deploy-an-image.md": { by: "how-to-deployments", shares: true },
  "docs/how-to/follow-logs-and-open-a-shell.md": { by: "how-to-deployments", shares: true },
  "docs/how-to/watch-from-a-program.md": { by: "how-to-deployments", shares: true },
  // These leave other variables, or another release, to those that follow.
  "docs/how-to/roll-back.md": { by: "how-to-deployments", shares: true },
  "docs/how-to/deploy-a-chart.md": { by: "how-to-deployments", shares: true },
};

/** Documents of others, whose commands other tests run. */
const tested: ReadonlySet<string> = new Set(["docs/clients/go.md", "docs/clients/typescript.md"]);

/** The paths of all documents. */
export function allDocuments(): string[] {
  const docs = readdirSync(join(packageRoot(), "docs"), { recursive: true, encoding: "utf8" });
  return ["README.md", "CONTRIBUTING.md", ...docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
}

/** Those with blocks that are run, but by no test. */
export function forgottenDocuments(): string[] {
  return allDocuments().filter((path) => {
    if (path in documents || tested.has(path)) return false;
    return documentOf(path).blocks.some(({ language, directions }) => language === "sh" && !directions.notRun);
  });
}
