// The embedded database alone, as the measure of what it costs to have one.
import { PGlite } from "@electric-sql/pglite";

const database = await PGlite.create({ dataDir: process.argv[2] });
await database.query("select 1");
process.send("ready");
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => database.close().then(() => process.exit(0)));
