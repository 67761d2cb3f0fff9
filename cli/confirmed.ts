import { Failure } from "./failure.js";
import { confirm } from "./prompt.js";

/** Asks before something is lost, unless --yes was given; a failure when the answer is not yes. */
export async function confirmed(options: { readonly yes?: boolean }, question: string): Promise<void> {
  if (options.yes === true) return;
  if (await confirm(question, "Add --yes to do it without being asked.")) return;
  throw new Failure("general", "not confirmed; nothing was changed");
}
