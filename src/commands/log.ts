import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "../config.js";

/** So much is written at once, in bytes, so that a pipe keeps the lines of several processes apart; less when it has waited for long enough. */
const chunkBytes = 4_096;
/** How long a line may wait to be written. */
const longestWaitMs = 100;

export interface LogOptions {
  /** What every line has beside its own. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** False in a process without a database: what knows its errors is not loaded. */
  readonly database?: boolean;
}

/**
 * The log of a process: lines of JSON on standard error. Lines are gathered for at most 100 ms, and written when the
 * process ends, however it ends by itself; SIGKILL may cost those of the last 100 ms.
 */
export async function openLog(
  { logLevel }: Pick<Config, "logLevel">,
  { base = {}, database = true }: LogOptions = {},
): Promise<Logger> {
  // The database's errors carry the values of the query.
  const clean = database ? (await import("../db/errors.js")).withoutValues : (error: unknown) => error;
  const serializers = { err: (error: unknown) => pino.stdSerializers.err(clean(error) as Error) };
  return pino({ level: logLevel, base, timestamp: pino.stdTimeFunctions.isoTime, serializers }, gathered());
}

/** Writes what was gathered now and then, and not at all while there is nothing: an idle process is not woken. */
function gathered(): DestinationStream & { flush(): void } {
  const destination = pino.destination({ fd: 2, sync: true });
  // Lines as text would be put together, and encoded, once more when they are written: bytes are a third of that.
  const bytes = Buffer.allocUnsafeSlow(chunkBytes);
  let used = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (used > 0) destination.write(bytes.toString("utf8", 0, used));
    used = 0;
  };
  // Comes after an uncaught exception, too.
  process.once("exit", flush);
  return {
    write(line) {
      // The most that a text of this length can take.
      const most = line.length * 3;
      if (most > chunkBytes - used) flush();
      if (most > chunkBytes) destination.write(line);
      else used += bytes.write(line, used);
      timer ??= setTimeout(flush, longestWaitMs).unref();
    },
    flush,
  };
}
