import { createContext, useContext } from "react";
import type { Draft, DraftObject, Path } from "./draft.js";

/** What the fields of a form share. */
export interface FormContext {
  readonly draft: DraftObject;
  /** Changes a value; undefined removes it. */
  readonly set: (path: Path, value: Draft | undefined) => void;
  /** The field was left: from now on what is wrong with it is told. */
  readonly touch: (path: Path) => void;
  /** What is wrong with a field, if it is to be told by now. */
  readonly problemAt: (path: Path) => string | undefined;
  readonly disabled: boolean;
}

/** Gives the fields their form. */
export const FormScope = createContext<FormContext | undefined>(undefined);

/** The form around a field. */
export function useForm(): FormContext {
  const form = useContext(FormScope);
  if (form === undefined) throw new Error("this field needs a ProtoForm around it");
  return form;
}
