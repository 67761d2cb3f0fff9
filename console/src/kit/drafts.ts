const prefix = "slipway:draft:";
/** A draft may hold a whole chart's values, but must not fill the storage. */
const maxLength = 512 * 1024;

let owner = "";

/** Whose drafts count from now on; those of somebody else in this tab are removed. */
export function ownDrafts(login: string): void {
  owner = login;
  for (const key of keys()) if (!key.startsWith(`${prefix}${login}:`)) sessionStorage.removeItem(key);
}

/** What was typed into a form before and not sent. Secrets must not be given to `writeDraft`. */
export function readDraft(id: string): unknown {
  try {
    const text = sessionStorage.getItem(keyOf(id));
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps what is typed, in this tab only. */
export function writeDraft(id: string, value: unknown): void {
  try {
    const text = JSON.stringify(value);
    if (text.length <= maxLength) sessionStorage.setItem(keyOf(id), text);
  } catch {
    // Storage is closed or full: the form goes on without a draft.
  }
}

/** The form was sent or given up. */
export function dropDraft(id: string): void {
  try {
    sessionStorage.removeItem(keyOf(id));
  } catch {
    // There was none.
  }
}

/** Nothing that was typed stays behind after signing out. */
export function dropAllDrafts(): void {
  for (const key of keys()) sessionStorage.removeItem(key);
}

function keys(): string[] {
  try {
    return Object.keys(sessionStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

const keyOf = (id: string): string => `${prefix}${owner}:${id}`;
