import type { Command } from "commander";

type Load = () => Promise<(command: Command) => void>;

const work = (name: string, description: string, load: Load) =>
  ({ name, description, heading: "Your work", load }) as const;

/** The groups of commands for the resources of the API. */
export const resourceGroups = [
  work(
    "deployment",
    "applications and charts",
    async () => (await import("../commands/deployment.js")).deploymentCommands,
  ),
  work("release", "what deployments ran", async () => (await import("../commands/release.js")).releaseCommands),
  work(
    "config",
    "variables, files and secrets of deployments",
    async () => (await import("../commands/config.js")).configCommands,
  ),
  work("route", "hostnames of deployments", async () => (await import("../commands/route.js")).routeCommands),
  work("task", "changes of deployments", async () => (await import("../commands/task.js")).taskCommands),
  work("logs", "print the logs of a deployment", async () => (await import("../commands/logs.js")).logsCommand),
  work("exec", "run a command in an instance", async () => (await import("../commands/exec.js")).execCommand),
  work("shell", "open a shell in an instance", async () => (await import("../commands/shell.js")).shellCommand),
  work(
    "environment",
    "environments of deployments",
    async () => (await import("../commands/environment.js")).environmentCommands,
  ),
  work("target", "clusters to deploy on", async () => (await import("../commands/target.js")).targetCommands),
  work(
    "namespace",
    "namespaces to deploy in",
    async () => (await import("../commands/namespace.js")).namespaceCommands,
  ),
  work("secret", "secrets of deployments", async () => (await import("../commands/secret.js")).secretCommands),
  work(
    "volume-claim",
    "storage of deployments",
    async () => (await import("../commands/volume-claim.js")).volumeClaimCommands,
  ),
  work("quota", "limits of deployments", async () => (await import("../commands/quota.js")).quotaCommands),
  work("volume", "block storage of clusters", async () => (await import("../commands/volume.js")).volumeCommands),
  work("snapshot", "snapshots of volumes", async () => (await import("../commands/snapshot.js")).snapshotCommands),
  work("ip", "public addresses", async () => (await import("../commands/ip.js")).ipCommands),
  work("project", "projects", async () => (await import("../commands/project.js")).projectCommands),
  work("tenant", "owners of projects", async () => (await import("../commands/tenant.js")).tenantCommands),
  work("member", "who has which role", async () => (await import("../commands/member.js")).memberCommands),
  work("invite", "invitations", async () => (await import("../commands/invite.js")).inviteCommands),
  work("token", "tokens for programs", async () => (await import("../commands/token.js")).tokenCommands),
  work("payment", "how a tenant pays", async () => (await import("../commands/payment.js")).paymentCommands),
  work("usage", "what was used and costs", async () => (await import("../commands/usage.js")).usageCommands),
  work("invoice", "invoices", async () => (await import("../commands/invoice.js")).invoiceCommands),
  work("audit", "who did what", async () => (await import("../commands/audit.js")).auditCommands),
  work("asset", "what can be ordered", async () => (await import("../commands/asset.js")).assetCommands),
  work("status", "how the platform is", async () => (await import("../commands/status.js")).statusCommands),
];
