import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { AttackedOptions, Held } from "./attacked-server.js";
import type { Fared } from "./steady-caller.js";

/** A server in a process of its own, with a well-behaved client in another. */
export interface Attacked {
  readonly port: number;
  held(): Promise<Held>;
  /**
   * Attacks, and demands that the well-behaved client hardly felt it, that the
   * memory stayed bounded and that nothing is left. Gives what was held at the
   * end of the attack, before its connections are gone, and how many calls the
   * well-behaved client made in the meantime.
   */
  withstands(attack: () => Promise<void>, bounds: Bounds): Promise<Withstood>;
  close(): Promise<void>;
}

export interface Bounds {
  /** What the resident memory may grow by during the attack, in MB. */
  readonly growthMb: number;
  /** Undoes the attack: closes what it left open. */
  readonly retreat?: () => void;
}

export interface Withstood {
  readonly before: Held;
  readonly during: Held;
  readonly after: Held;
  readonly calls: number;
}

/** Generous, for machines with few processors, which the attacker loads as well: what counts is that calls are answered. */
const bearableP99Ms = 5_000;

/**
 * Starts a server, its twin, which nobody attacks, and a client that calls both
 * all the time: what is slow at both is the machine.
 */
export async function attacked(options: AttackedOptions = {}): Promise<Attacked> {
  const starting = [1, 2].map(() => started("attacked-server.ts", [JSON.stringify(options)], ["--expose-gc"]));
  const [server, twin] = (await Promise.all(starting)) as [Program, Program];
  const scheme = options.listen?.tls === undefined ? "http" : "https";
  const urls = [server, twin].map(({ first }) => `${scheme}://127.0.0.1:${first}`);
  const caller = await started("steady-caller.ts", urls);
  const held = () => server.ask<Held>();
  const fared = () => caller.ask<[Fared, Fared]>();
  // The first calls compile the code of all the others.
  await sleep(1_000);
  return {
    port: Number(server.first),
    held,
    async withstands(attack, { growthMb, retreat = () => {} }) {
      const before = await held();
      // Counting stops the server for a while.
      await sleep(500);
      await fared();
      await attack();
      const [felt, calm] = await fared();
      const during = await held();
      retreat();
      expect(felt.failures).toEqual([]);
      expect(felt.p99).toBeLessThan(Math.max(10 * calm.p99, bearableP99Ms));
      expect((during.rss - before.rss) / 1e6).toBeLessThan(growthMb);
      await expect.poll(async () => leftOver(await held(), before), { timeout: 20_000, interval: 1_000 }).toBe("");
      return { before, during, after: await held(), calls: felt.calls };
    },
    async close() {
      await Promise.all([server.end(), twin.end(), caller.end()]);
    },
  };
}

/** Names the counts that are above those before; calls of the well-behaved client are under way at either time. */
function leftOver(now: Held, before: Held): string {
  const counts = ["sockets", "sessions", "streams", "timers"] as const;
  return counts
    .filter((name) => now[name] > before[name] + 8)
    .map((name) => `${name}: ${now[name]}, before ${before[name]}`)
    .join("; ");
}

interface Program {
  /** The first thing that it sent. */
  readonly first: unknown;
  ask<T>(): Promise<T>;
  end(): Promise<void>;
}

async function started(file: string, args: readonly string[], nodeArgs: readonly string[] = []): Promise<Program> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, args, { execArgv: [...nodeArgs, "--import", "tsx"] });
  const exit = once(child, "exit");
  const answer = async (): Promise<unknown> => {
    const ended = exit.then(() => Promise.reject(new Error(`${file} ended`)));
    const [message] = await Promise.race([once(child, "message"), ended]);
    return message;
  };
  return {
    first: await answer(),
    ask<T>(): Promise<T> {
      child.send("ask");
      return answer() as Promise<T>;
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit;
    },
  };
}
