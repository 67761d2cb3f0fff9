import type { Logger } from "pino";
import type { Config } from "../config.js";
import { migrate } from "../db/migrate.js";
import { openDatabase } from "./settings.js";

/** `slipway migrate`: brings the schema of the database up to date. */
export async function migrateDatabase(config: Config, log: Logger): Promise<void> {
  const server = await openDatabase(config, log);
  try {
    await migrate(server, log);
  } finally {
    await server.close();
  }
}
