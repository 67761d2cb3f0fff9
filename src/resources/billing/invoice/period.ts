/** The start of the billing period at a time: the first of its month in UTC. */
export const periodOf = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));

/** The start of the next billing period, which is the end of the one at that time. */
export const periodAfter = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1));
