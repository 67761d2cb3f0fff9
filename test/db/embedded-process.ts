import { writeSync } from "node:fs";
import { sql } from "drizzle-orm";
import pino from "pino";
import { openEmbedded } from "../../src/db/embedded.js";

// Holds an embedded database, with one committed row, until it is killed.
const server = await openEmbedded({ directory: process.argv[2], log: pino({ level: "silent" }) });
await server.db.execute(sql`create table if not exists kept (id int)`);
await server.db.execute(sql`insert into kept values (1)`);
writeSync(1, "open\n");
setInterval(() => {}, 1_000);
