import { existsSync } from "node:fs";
import type { Command } from "commander";
import { Failure } from "../failure.js";
import { writeSecretFile } from "../files.js";
import { duration } from "../flags.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface KubeconfigFlags {
  readonly merge?: boolean;
  readonly use?: boolean;
  readonly file?: string;
  readonly name?: string;
  readonly static?: boolean;
  /** Milliseconds. */
  readonly expiration?: number;
}

/** `slipway kubeconfig`: access to a cluster for kubectl. */
export function kubeconfigCommand(command: Command): void {
  command
    .argument("<cluster>", "its name or uuid")
    .option("--merge", "put it into the kubeconfig of kubectl (KUBECONFIG, ~/.kube/config), or into --file")
    .option("--use", "with --merge, let kubectl use it from now on")
    .option("--file <file>", "write it there instead of printing it")
    .option("--name <name>", "how cluster, context and user are called in it; slipway-CLUSTER unless told")
    .option("--static", "write the certificate itself, which ends, instead of a call of slipway for one")
    .option("--expiration <duration>", "how long each certificate holds, 10m to 24h; 1h unless told", duration)
    .action(run(kubeconfig));
  command
    .command("exec-credential", { hidden: true })
    .description("answer kubectl, which calls this as the kubeconfig says")
    .requiredOption("--cluster <uuid>", "the cluster")
    .option("--expiration <duration>", "how long a certificate holds", duration)
    .action(
      run(async (session, options: { readonly cluster: string; readonly expiration?: number }) => {
        const { execCredential } = await import("../kubeconfig/credential.js");
        const wanted = { uuid: options.cluster, project: await session.project(), seconds: secondsOf(options) };
        process.stdout.write(await execCredential(session, wanted));
      }),
    );
}

async function kubeconfig(session: Session, reference: string, options: KubeconfigFlags): Promise<void> {
  if (options.use === true && options.merge !== true) throw new Failure("usage", "--use needs --merge");
  if (options.file !== undefined && options.merge !== true && existsSync(options.file)) {
    throw new Failure("conflict", `${options.file} is there already`, ["Add --merge, or name another file."]);
  }
  const [{ findCluster }, { requestAccess }, { staticEntries, execEntries, kubeconfigOf }, { rememberAccess }] =
    await Promise.all([
      import("../resources/clusters.js"),
      import("../kubeconfig/access.js"),
      import("../kubeconfig/entries.js"),
      import("../kubeconfig/credential.js"),
    ]);
  const { uuid, project, name: clusterName } = await findCluster(session, reference);
  const seconds = secondsOf(options);
  const access = await requestAccess(session, { uuid, project }, seconds);
  const name = options.name ?? `slipway-${clusterName}`;
  const expiration = seconds === undefined ? undefined : `${seconds}s`;
  const isStatic = options.static === true;
  if (!isStatic) await rememberAccess(session, { uuid, project, seconds }, access);
  const entries = isStatic
    ? staticEntries(name, access)
    : await execEntries(session, name, access, { uuid, project, expiration });
  if (options.merge === true) {
    const { kubeconfigPath, mergeInto } = await import("../kubeconfig/merge.js");
    const file = options.file ?? kubeconfigPath();
    await mergeInto(file, entries, { use: options.use === true, project });
    return session.note(`${file} has the context ${name}: kubectl --context ${name} get nodes`);
  }
  const { stringify } = await import("yaml");
  const text = stringify(kubeconfigOf(entries), { lineWidth: 0 });
  if (options.file === undefined) return void process.stdout.write(text);
  await writeSecretFile(options.file, text);
  session.note(`wrote ${options.file}: kubectl --kubeconfig ${options.file} get nodes`);
}

function secondsOf({ expiration }: { readonly expiration?: number }): number | undefined {
  return expiration === undefined ? undefined : Math.round(expiration / 1_000);
}
