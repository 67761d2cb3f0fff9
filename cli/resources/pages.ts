/** No list is longer: what goes on after so many pages does not end. */
const mostPages = 1_000;

/** All entries of a list whose pages have numbers. */
export async function allNumberedPages<T>(
  load: (page: bigint | undefined) => Promise<{ readonly items: readonly T[]; readonly nextPage?: bigint | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let page: bigint | undefined;
  for (let count = 0; count < mostPages; count += 1) {
    const { items, nextPage } = await load(page);
    all.push(...items);
    if (nextPage === undefined) return all;
    page = nextPage;
  }
  return all;
}

/** All entries of a list whose pages have tokens, or the first so many. */
export async function allTokenPages<T>(
  load: (
    pageToken: string,
    pageSize: number,
  ) => Promise<{ readonly items: readonly T[]; readonly nextPageToken: string }>,
  most = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const all: T[] = [];
  let token = "";
  for (let count = 0; count < mostPages && all.length < most; count += 1) {
    const { items, nextPageToken } = await load(token, Math.min(500, most - all.length));
    all.push(...items);
    if (nextPageToken === "") return all;
    token = nextPageToken;
  }
  return all.slice(0, most);
}
