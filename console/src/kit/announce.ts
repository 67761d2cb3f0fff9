/** Between two announcements, so that streams do not drown the reader. */
const gapMs = 3_000;

let region: HTMLElement | null = null;
let waiting: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Takes the element of the frame that screen readers listen to. */
export function announceIn(element: HTMLElement | null): void {
  region = element;
}

/** Tells screen readers politely; of several in a short time the last one is read. */
export function announce(text: string): void {
  waiting = text;
  if (timer !== undefined) return;
  timer = setTimeout(() => {
    timer = undefined;
    if (region !== null && waiting !== undefined) region.textContent = waiting;
  }, gapMs);
}
