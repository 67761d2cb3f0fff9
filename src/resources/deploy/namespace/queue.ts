import { settleQueue } from "../target/settle-queue.js";

/** The jobs that make namespaces what their rows say. */
export const namespaceQueue = settleQueue("namespace");
