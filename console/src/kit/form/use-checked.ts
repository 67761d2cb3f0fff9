import type { DescMessage } from "@bufbuild/protobuf";
import type { Validator } from "@bufbuild/protovalidate";
import { useEffect, useMemo, useState } from "react";
import { type Checked, check, loadValidator } from "./check.js";
import type { DraftObject, FieldProblem } from "./draft.js";

/** What is wrong with a form now; by its rules as soon as their interpreter is loaded. */
export function useChecked<Desc extends DescMessage>(
  schema: Desc,
  draft: DraftObject,
): { readonly problems: readonly FieldProblem[]; readonly check: () => Promise<Checked<Desc>> } {
  const [validator, setValidator] = useState<Validator>();
  useEffect(() => {
    let gone = false;
    // Without it the server is the one who checks.
    loadValidator().then(
      (loaded) => !gone && setValidator(loaded),
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, []);
  const { problems } = useMemo(() => check(schema, draft, validator), [schema, draft, validator]);
  return {
    problems,
    check: async () => check(schema, draft, validator ?? (await loadValidator().catch(() => undefined))),
  };
}
