const namespaces = 20;

/** The Namespace of a deployment by its number. */
export const benchNamespace = (index: number): string => `bench-${index % namespaces}`;

/** What its objects are called. */
export const benchName = (index: number): string => `shop-${index}`;

/** Its uuid. */
export const benchDeployment = (index: number): string => `0197a0c0-0000-7000-8000-${String(index).padStart(12, "0")}`;
