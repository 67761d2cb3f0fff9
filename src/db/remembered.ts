/**
 * A function of a text that remembers at least its last `most` answers, of texts of at most 16 kB each: for lists,
 * which read the same JSON time and again. The answers are shared: nobody changes them.
 */
export function remembered<T>(make: (text: string) => T, most = 300): (text: string) => T {
  let young = new Map<string, T>();
  let old = young;
  return (text) => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const answer = old.get(text) ?? make(text);
    if (text.length > longest) return answer;
    if (young.size >= most) {
      old = young;
      young = new Map();
    }
    young.set(text, answer);
    return answer;
  };
}

const longest = 16 * 1024;
