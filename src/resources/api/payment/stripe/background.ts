import type { Platform } from "../../../../platform.js";
import type { Background } from "../../../background.js";
import {
  handleAccount,
  handleInvoice,
  handleLost,
  handlePrune,
  handleReport,
  handleSend,
  reportTask,
  sendTask,
} from "./jobs.js";
import { accountTask, invoiceTask } from "./webhook.js";

const lostTask = "stripe.lost";
const pruneTask = "stripe.prune";

/** What workers do for Stripe: they report use, make invoices final and bring them into the books. */
export function stripeBackground(platform: Platform): Background {
  const { stripe, billing } = platform;
  if (stripe === undefined || billing === undefined) return { tasks: {}, controllers: [] };
  const sources = { ...platform, ...stripe, billing };
  return {
    tasks: {
      [invoiceTask]: handleInvoice(sources),
      [accountTask]: handleAccount(sources),
      [reportTask]: handleReport(sources),
      [sendTask]: handleSend(sources),
      [lostTask]: handleLost(sources),
      [pruneTask]: handlePrune(sources),
    },
    cron: [
      { task: reportTask, pattern: "*/5 * * * *" },
      { task: lostTask, pattern: "50 * * * *" },
      { task: pruneTask, pattern: "15 5 * * *" },
    ],
    atStart: [reportTask],
    controllers: [],
  };
}
