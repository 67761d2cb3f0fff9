import { settleQueue } from "../target/settle-queue.js";

/** The jobs that make volume claims what their rows say. */
export const claimQueue = settleQueue("volume-claim");
