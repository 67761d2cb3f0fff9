import { addJob } from "../../../jobs/jobs.js";
import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { placeIn } from "../usage/place.js";
import { measureArrears, reportArrears } from "./arrears.js";
import { issueInvoices } from "./issue.js";
import { issueTask } from "./queue.js";

const arrearsTask = "invoices.arrears";

/** One job takes on so many periods, and queues the next one: none runs into its deadline. */
const periodsAtOnce = 200;

/** What workers do for invoices: they issue what is over, at their start and hourly, and report arrears once a day. */
export function invoiceBackground(platform: Platform): Background {
  const { db, billing, processor } = platform;
  measureArrears(platform);
  return {
    tasks: {
      async [issueTask](payload, { signal }) {
        // A processor that collects the money issues the invoices too, and tells of them.
        if (billing === undefined || processor.collects) return;
        const next = await issueInvoices(platform, billing, { after: placeIn(payload), limit: periodsAtOnce, signal });
        if (next !== undefined) await addJob(db, issueTask, { ...next }, { queue: issueTask });
      },
      [arrearsTask]: () => reportArrears(platform),
    },
    cron: [
      { task: issueTask, pattern: "25 * * * *" },
      { task: arrearsTask, pattern: "40 6 * * *" },
    ],
    atStart: [issueTask],
    controllers: [],
  };
}
