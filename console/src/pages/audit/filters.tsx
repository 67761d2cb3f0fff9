import { useQuery } from "@connectrpc/connect-query";
import { Select, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { MethodService } from "../../../../gen/ts/api/v1/methods_pb.js";
import classes from "./audit.module.css";
import { codeChoices } from "./codes.js";
import { phases, ranges, type Selection } from "./selection.js";

/** What to look for. */
export function Filters({ value, onChange }: { value: Selection; onChange: (next: Selection) => void }) {
  const { data } = useQuery(MethodService.method.list, {}, { staleTime: 300_000 });
  const [user, setUser] = useState(value.user);
  const set = (part: Partial<Selection>) => onChange({ ...value, ...part });
  const apply = (event?: FormEvent) => {
    event?.preventDefault();
    if (user !== value.user) set({ user });
  };
  const methods = data?.methods.map((path) => ({ value: path, label: path.slice(1) })) ?? [];
  return (
    <form className={classes.filters} onSubmit={apply} aria-label="What to look for">
      <Select
        size="xs"
        label="When"
        w={140}
        data={ranges}
        value={value.range}
        onChange={(range) => set({ range: range ?? value.range })}
        allowDeselect={false}
      />
      {value.range === "custom" && (
        <>
          <TextInput
            size="xs"
            label="From"
            type="datetime-local"
            value={value.from}
            onChange={({ currentTarget }) => set({ from: currentTarget.value })}
          />
          <TextInput
            size="xs"
            label="To"
            type="datetime-local"
            value={value.to}
            onChange={({ currentTarget }) => set({ to: currentTarget.value })}
          />
        </>
      )}
      <TextInput
        size="xs"
        label="User"
        w={150}
        placeholder="Login, then Enter"
        autoComplete="off"
        spellCheck={false}
        value={user}
        onChange={({ currentTarget }) => setUser(currentTarget.value)}
        onBlur={() => apply()}
        error={user.trim().length === 1 ? "2 characters at least" : undefined}
      />
      <Select
        size="xs"
        label="Method"
        className={classes.method}
        placeholder="All"
        data={methods}
        value={value.method === "" ? null : value.method}
        onChange={(method) => set({ method: method ?? "" })}
        searchable
        clearable
        limit={100}
        nothingFoundMessage="No such method"
      />
      <Select
        size="xs"
        label="Ended with"
        w={150}
        placeholder="All"
        data={[...codeChoices]}
        value={value.code === "" ? null : value.code}
        onChange={(code) => set({ code: code ?? "" })}
        searchable
        clearable
      />
      <Select
        size="xs"
        label="Phase"
        w={120}
        placeholder="Both"
        data={phases}
        value={value.phase === "" ? null : value.phase}
        onChange={(phase) => set({ phase: phase ?? "" })}
        clearable
      />
    </form>
  );
}
