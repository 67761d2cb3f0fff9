import { create, type DescMessage, type MessageInitShape, type MessageShape, toJson } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Anchor, Button } from "@mantine/core";
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { problemOf } from "../../../../clients/ts/src/problem.js";
import { dropDraft, readDraft, writeDraft } from "../drafts.js";
import { Problem } from "../problem.js";
import { entryPath } from "./check.js";
import { type FormContext, FormScope } from "./context.js";
import { type DraftObject, type FieldProblem, type Path, pathText, setAt, toDraft } from "./draft.js";
import classes from "./form.module.css";
import { Items } from "./items.js";
import { type LayoutItem, shownPaths } from "./layout.js";
import { withoutSecrets } from "./secrets.js";
import { useChecked } from "./use-checked.js";

export interface ProtoFormProps<Desc extends DescMessage> {
  /** The message that is sent; its fields, rules and enums drive the form. */
  readonly schema: Desc;
  /** Under this what is typed is kept until it is sent, without secrets; unique for what is edited. */
  readonly id: string;
  /** What the form begins with. What the layout does not show is sent as it is here. */
  readonly initial: MessageInitShape<Desc>;
  /** What is shown; it may depend on what is typed, by proto names. */
  readonly layout: readonly LayoutItem[] | ((draft: DraftObject) => readonly LayoutItem[]);
  /** Sends it; the form shows what it throws, violations at their fields. */
  readonly onSubmit: (message: MessageShape<Desc>) => Promise<unknown>;
  /** The words on the button, such as "Create cluster". */
  readonly action: string;
  readonly onCancel?: () => void;
}

/** A form for a message: laid out by a list of fields, checked while one types by the rules of its proto. */
export function ProtoForm<Desc extends DescMessage>(props: ProtoFormProps<Desc>) {
  return <Form key={props.id} {...props} />;
}

function Form<Desc extends DescMessage>(props: ProtoFormProps<Desc>) {
  const { schema, id, onSubmit, action, onCancel } = props;
  const [start] = useState(() => draftOf(schema, props.initial));
  const [kept, setKept] = useState(() => readDraft(id) as DraftObject | undefined);
  const [draft, setDraft] = useState<DraftObject>(() => kept ?? start);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<{ readonly error: unknown; readonly problems: readonly FieldProblem[] }>();
  const touched = useTouched();
  const { problems, check } = useChecked(schema, draft);
  const root = useRef<HTMLFormElement>(null);
  useAutoFocus(root);
  useEffect(() => {
    if (draft !== start && draft !== kept) writeDraft(id, withoutSecrets(schema, draft));
  }, [draft, start, kept, id, schema]);
  const layout = typeof props.layout === "function" ? props.layout(draft) : props.layout;
  const shown = useMemo(() => shownPaths(layout), [layout]);
  const told = [...(refused?.problems ?? []), ...problems.filter(({ field }) => touched.has(field))];
  const form: FormContext = {
    draft,
    disabled: busy,
    set(path, value) {
      setDraft((before) => (setAt(before, path, value) ?? {}) as DraftObject);
      setRefused(
        (before) =>
          before && { ...before, problems: before.problems.filter(({ field }) => !field.startsWith(pathText(path))) },
      );
      touched.soon(pathText(path));
    },
    touch: (path) => touched.now(pathText(path)),
    problemAt: (path) => told.find(({ field }) => field === pathText(path) || stands(field, path, shown))?.message,
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const checked = await check();
    touched.all();
    if (checked.problems.length > 0) {
      setRefused(undefined);
      return focusFirst(root.current);
    }
    setBusy(true);
    setRefused(undefined);
    try {
      await onSubmit(checked.message);
      dropDraft(id);
    } catch (error) {
      const { code, violations } = problemOf(error);
      const found = code === Code.InvalidArgument ? violations : [];
      setRefused({ error, problems: found.map((each) => ({ ...each, field: entryPath(draft, each.field) })) });
      focusFirst(root.current);
    } finally {
      setBusy(false);
    }
  };
  const startOver = () => {
    dropDraft(id);
    setKept(undefined);
    setRefused(undefined);
    touched.none();
    setDraft(start);
  };
  const cancel = () => {
    dropDraft(id);
    onCancel?.();
  };
  const unseen = told.filter(({ field }) => !isShown(field, shown));
  const showsRefusal = refused !== undefined && (refused.problems.length === 0 || unseen.length > 0);
  return (
    <FormScope.Provider value={form}>
      <form ref={root} className={classes.form} onSubmit={(event) => void submit(event)} noValidate>
        {kept !== undefined && (
          <div className={classes.kept} role="status">
            What you typed before was kept.
            <Anchor component="button" type="button" fz="inherit" onClick={startOver}>
              Start over
            </Anchor>
          </div>
        )}
        <Items desc={schema} items={layout} at={[]} />
        {showsRefusal && <Problem error={refused.error} what={`${action}: not done`} />}
        {!showsRefusal && unseen.length > 0 && (
          <Problem error={new Error(words(unseen))} what={`${action}: not possible`} />
        )}
        <div className={classes.footer}>
          <Button type="submit" loading={busy}>
            {action}
          </Button>
          {onCancel !== undefined && (
            <Button variant="default" onClick={cancel} disabled={busy}>
              Cancel
            </Button>
          )}
        </div>
      </form>
    </FormScope.Provider>
  );
}

function draftOf<Desc extends DescMessage>(schema: Desc, initial: MessageInitShape<Desc>): DraftObject {
  return toDraft(schema, toJson(schema, create(schema, initial), { useProtoFieldName: true }));
}

/** Whether what is wrong with a message that is not shown itself is told at this first field of it. */
function stands(problem: string, path: Path, shown: readonly string[]): boolean {
  const here = pathText(path);
  return !shown.includes(problem) && shown.find((each) => each.startsWith(`${problem}.`)) === here;
}

const isShown = (field: string, shown: readonly string[]): boolean =>
  shown.some(
    (each) =>
      field === each || field.startsWith(`${each}[`) || field.startsWith(`${each}.`) || each.startsWith(`${field}.`),
  ) && field !== "";

const words = (problems: readonly FieldProblem[]): string =>
  problems.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ");

/** Which fields one has been at, so that nobody is told of what is not typed yet. */
function useTouched() {
  const [state, setState] = useState<{ readonly all: boolean; readonly fields: ReadonlySet<string> }>({
    all: false,
    fields: new Set(),
  });
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>());
  useEffect(() => () => timers.current.forEach(clearTimeout), []);
  const now = (field: string) =>
    setState((before) =>
      before.fields.has(field) ? before : { ...before, fields: new Set([...before.fields, field]) },
    );
  return {
    has: (field: string) =>
      state.all ||
      [...state.fields].some((each) => field === each || field.startsWith(`${each}.`) || field.startsWith(`${each}[`)),
    now,
    /** A moment after the last key. */
    soon(field: string) {
      clearTimeout(timers.current.get(field));
      timers.current.set(field, setTimeout(now, 700, field));
    },
    all: () => setState((before) => ({ ...before, all: true })),
    none: () => setState({ all: false, fields: new Set() }),
  };
}

/** Leads to the first field with an error, once it is drawn. */
function focusFirst(root: HTMLElement | null): void {
  setTimeout(() => root?.querySelector<HTMLElement>('[aria-invalid="true"],[data-error="true"] input')?.focus());
}

function useAutoFocus(root: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    root.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
  }, [root]);
}
