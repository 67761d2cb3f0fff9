import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ActionIcon, Button, Input, PasswordInput, SegmentedControl, Select, Textarea, TextInput } from "@mantine/core";
import { Icon } from "../icons.js";
import { useForm } from "./context.js";
import { type DraftObject, getAt, isObject, nested, type Path, pathText } from "./draft.js";
import { Field } from "./field.js";
import classes from "./form.module.css";
import {
  type FieldLayout,
  fieldAt,
  itemFields,
  type LayoutItem,
  type OneofLayout,
  oneofAt,
  wordsOf,
} from "./layout.js";
import { entryOf, oneofRequired } from "./rules.js";

/** The parts of a form, in a grid of 12 columns. */
export function Items({ desc, items, at }: { desc: DescMessage; items: readonly LayoutItem[]; at: Path }) {
  return (
    <div className={classes.grid}>
      {items.map((item) => {
        if ("group" in item) {
          return (
            <fieldset key={item.group} className={classes.group}>
              <legend className={classes.legend}>{item.group}</legend>
              {item.hint !== undefined && <p className={classes.hint}>{item.hint}</p>}
              <Items desc={desc} items={item.fields} at={at} />
            </fieldset>
          );
        }
        if ("oneof" in item) return <Oneof key={item.oneof} desc={desc} layout={item} at={at} />;
        const field = fieldAt(desc, item.field);
        const path = [...at, ...item.field.split(".")];
        const wide = field.fieldKind === "map" || nested(field) !== undefined;
        return (
          <div key={item.field} className={classes.cell} data-span={item.span ?? (wide ? 12 : 6)}>
            <AnyField field={field} layout={item} path={path} />
          </div>
        );
      })}
    </div>
  );
}

function AnyField({ field, layout, path }: { field: DescField; layout: FieldLayout; path: Path }) {
  const inner = nested(field);
  if (field.fieldKind === "map") return <Entries field={field} layout={layout} path={path} />;
  if (inner === undefined) return <Field field={field} layout={layout} path={path} />;
  if (field.fieldKind === "list") return <Repeated field={field} inner={inner} layout={layout} path={path} />;
  return <Items desc={inner} items={itemFields(layout, inner)} at={path} />;
}

/** Several messages, each in a box that can be removed. */
function Repeated(props: { field: DescField; inner: DescMessage; layout: FieldLayout; path: Path }) {
  const { field, inner, layout, path } = props;
  const form = useForm();
  const value = getAt(form.draft, path);
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const label = layout.label ?? wordsOf(field.name);
  const item = layout.item ?? "item";
  const error = form.problemAt(path);
  const { maxItems } = entryOf(field);
  const add = () => form.set([...path, items.length], layout.newItem?.(items.length) ?? {});
  return (
    <fieldset className={classes.group} id={pathText(path)} tabIndex={-1}>
      <legend className={classes.legend}>{label}</legend>
      {layout.hint !== undefined && <p className={classes.hint}>{layout.hint}</p>}
      {items.map((_, i) => {
        const here = [...path, i];
        const wrong = form.problemAt(here);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: an item is where it stands, and nothing else
          <div key={i} className={classes.item} role="group" aria-label={`${wordsOf(item)} ${i + 1}`}>
            <Items desc={inner} items={itemFields(layout, inner, i)} at={here} />
            {i >= (layout.fixedItems ?? 0) && (
              <ActionIcon
                className={classes.remove}
                aria-label={`Remove ${item} ${i + 1}`}
                onClick={() => form.set(here, undefined)}
              >
                <Icon name="trash" size={15} />
              </ActionIcon>
            )}
            {wrong !== undefined && <Input.Error>{wrong}</Input.Error>}
          </div>
        );
      })}
      {error !== undefined && <Input.Error>{error}</Input.Error>}
      <Button
        variant="default"
        leftSection={<Icon name="plus" size={14} />}
        onClick={add}
        disabled={form.disabled || (maxItems !== undefined && items.length >= maxItems)}
        className={classes.add}
      >
        Add a {item}
      </Button>
    </fieldset>
  );
}

/** A map: a row of key and value for each entry. */
function Entries({ field, layout, path }: { field: DescField; layout: FieldLayout; path: Path }) {
  const form = useForm();
  const value = getAt(form.draft, path);
  const entries = Array.isArray(value) ? (value as readonly DraftObject[]) : [];
  const inner = nested(field);
  const item = layout.item ?? "entry";
  const error = form.problemAt(path);
  const label = layout.label ?? wordsOf(field.name);
  return (
    <fieldset className={classes.group} id={pathText(path)} tabIndex={-1}>
      <legend className={classes.legend}>{label}</legend>
      {layout.hint !== undefined && <p className={classes.hint}>{layout.hint}</p>}
      {entries.map((entry, i) => {
        const here = [...path, i];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the key may be typed at this moment
          <div key={i} className={classes.entry} role="group" aria-label={`${wordsOf(item)} ${i + 1}`}>
            <TextInput
              aria-label={`Key of ${item} ${i + 1}`}
              placeholder="Key"
              autoComplete="off"
              spellCheck={false}
              value={String(entry.key ?? "")}
              error={form.problemAt(here)}
              onBlur={() => form.touch(here)}
              onChange={({ currentTarget }) => form.set([...here, "key"], currentTarget.value)}
            />
            {inner === undefined ? (
              <EntryValue item={`${item} ${i + 1}`} field={field} layout={layout} path={here} />
            ) : (
              <Items desc={inner} items={itemFields(layout, inner)} at={[...here, "value"]} />
            )}
            <ActionIcon mt={4} aria-label={`Remove ${item} ${i + 1}`} onClick={() => form.set(here, undefined)}>
              <Icon name="trash" size={15} />
            </ActionIcon>
          </div>
        );
      })}
      {error !== undefined && <Input.Error>{error}</Input.Error>}
      <Button
        variant="default"
        leftSection={<Icon name="plus" size={14} />}
        className={classes.add}
        disabled={form.disabled}
        onClick={() => form.set([...path, entries.length], { key: "", value: inner === undefined ? "" : {} })}
      >
        Add {/^[aeiou]/.test(item) ? "an" : "a"} {item}
      </Button>
    </fieldset>
  );
}

/** The value of an entry: a line, many lines, or dots for a secret. */
function EntryValue(props: { field: DescField; layout: FieldLayout; path: Path; item: string }) {
  const { field, layout, path, item } = props;
  const form = useForm();
  const value = getAt(form.draft, [...path, "value"]);
  const input = {
    "aria-label": `Value of ${item}`,
    placeholder: layout.placeholder ?? "Value",
    autoComplete: "off",
    spellCheck: false,
    value: String(value ?? ""),
    onBlur: () => form.touch(path),
    onChange: ({ currentTarget }: { currentTarget: { value: string } }) =>
      form.set([...path, "value"], currentTarget.value),
  };
  if (layout.kind === "textarea") return <Textarea {...input} autosize minRows={1} maxRows={12} />;
  const isSecret = layout.kind === "password" || entryOf(field).secret;
  return isSecret ? <PasswordInput {...input} /> : <TextInput {...input} />;
}

/** A choice between members, and the fields of the one that is chosen. */
function Oneof({ desc, layout, at }: { desc: DescMessage; layout: OneofLayout; at: Path }) {
  const form = useForm();
  const oneof = oneofAt(desc, layout.oneof);
  const owner = [...at, ...layout.oneof.split(".").slice(0, -1)];
  const holder = owner.length === 0 ? form.draft : getAt(form.draft, owner);
  const chosen = oneof.fields.find(({ name }) => isObject(holder) && holder[name] !== undefined);
  const choose = (name: string | null) => {
    const others = Object.fromEntries(
      Object.entries(isObject(holder) ? holder : {}).filter(
        ([key]) => !oneof.fields.some((field) => field.name === key),
      ),
    );
    const field = oneof.fields.find((each) => each.name === name);
    const empty = field === undefined ? {} : { [field.name]: nested(field) === undefined ? "" : {} };
    form.set(owner, { ...others, ...empty });
  };
  const data = layout.members.map(({ field, label }) => ({ value: field, label }));
  const required = oneofRequired(oneof);
  const error = form.problemAt([...at, ...layout.oneof.split(".")]);
  const member = layout.members.find(({ field }) => field === chosen?.name);
  const id = pathText([...at, ...layout.oneof.split(".")]);
  return (
    <div className={classes.oneof}>
      {data.length <= 4 && required ? (
        <Input.Wrapper label={layout.label} description={layout.hint} error={error} withAsterisk>
          <div>
            <SegmentedControl
              id={id}
              size="xs"
              aria-label={layout.label}
              data={data}
              value={chosen?.name ?? ""}
              onChange={choose}
              disabled={form.disabled}
            />
          </div>
        </Input.Wrapper>
      ) : (
        <Select
          id={id}
          label={layout.label}
          description={layout.hint}
          error={error}
          withAsterisk={required}
          data={data}
          value={chosen?.name ?? null}
          onChange={choose}
          clearable={!required}
          allowDeselect={!required}
          disabled={form.disabled}
        />
      )}
      {chosen !== undefined && (
        <AnyField
          field={chosen}
          path={[...owner, chosen.name]}
          layout={{ field: chosen.name, ...(member?.fields === undefined ? {} : { fields: member.fields }) }}
        />
      )}
    </div>
  );
}
