import { writeSync } from "node:fs";
import pino from "pino";
import { startWorker } from "../../src/jobs/worker.js";
import { openAgain } from "../support/database.js";

// A worker that never finishes its job: it says that it began, and waits to be killed.
const server = openAgain(process.argv[2] ?? "");
await startWorker(server, {
  tasks: {
    stuck: async () => {
      writeSync(1, "began\n");
      await new Promise(() => setInterval(() => {}, 1_000));
    },
  },
  concurrency: 1,
  log: pino({ level: "silent" }),
});
