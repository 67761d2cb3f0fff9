/** So many pages are read of one list; more than that nobody reads in a browser. */
const mostPages = 50;

/** Reads page after page of a list, as far as there is a next one. */
export async function allPages<Answer extends { readonly nextPage?: bigint | undefined }>(
  read: (page: bigint) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let page: bigint | undefined = 0n; page !== undefined && answers.length < mostPages; ) {
    const answer: Answer = await read(page);
    answers.push(answer);
    page = answer.nextPage;
  }
  return answers;
}
