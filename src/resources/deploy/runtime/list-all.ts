import type { KubeClient, Selection } from "../../../kube/client.js";
import type { ResourceType } from "../../../kube/objects.js";
import { isRecord } from "../../../record.js";
import type { LiveObject } from "../engine/standing-facts.js";

const pageSize = 500;
const mostPages = 100;
const mostPageBytes = 16 * 1024 * 1024;

/** The objects of a type that are selected, one after the other and page after page. Throws KubeError. */
export async function* listAll(
  client: KubeClient,
  type: ResourceType,
  { signal, ...selection }: Selection & { readonly signal: AbortSignal },
): AsyncGenerator<LiveObject> {
  let next: string | undefined;
  for (let pages = 0; pages < mostPages; pages += 1) {
    const options = { ...selection, limit: pageSize, continue: next, maxBytes: mostPageBytes, signal };
    const page = await client.list<LiveObject>(type, options);
    yield* page.items.filter((item) => isRecord(item) && isRecord(item.metadata));
    next = page.continue;
    if (next === undefined) return;
  }
}
