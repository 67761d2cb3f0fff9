import { useQuery } from "@connectrpc/connect-query";
import { Button, Code, FileButton, Group, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { CopyButton } from "../../kit/copy-button.js";
import { Icon } from "../../kit/icons.js";
import { Problem } from "../../kit/problem.js";
import classes from "./kubeconfig-input.module.css";

/** As much as a target takes. */
const mostBytes = 65_536;

/** The text of a kubeconfig. It is a secret: it lives in the page alone, and is kept in no draft. */
export function KubeconfigInput({
  value,
  onChange,
  error,
  label,
  hint,
}: {
  value: string;
  onChange: (text: string) => void;
  error?: string | undefined;
  label: string;
  hint: string;
}) {
  const [tooBig, setTooBig] = useState(false);
  const read = async (file: File | null) => {
    if (file === null) return;
    setTooBig(file.size > mostBytes);
    if (file.size <= mostBytes) onChange(await file.text());
  };
  return (
    <div className={classes.input}>
      <Textarea
        label={label}
        description={hint}
        inputWrapperOrder={["label", "input", "error", "description"]}
        error={tooBig ? "The file is too big for a kubeconfig: 64 KiB at most." : error}
        autosize
        minRows={6}
        maxRows={14}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      />
      <FileButton onChange={(file) => void read(file)} accept=".yaml,.yml,.conf,.json,text/*">
        {(props) => (
          <Button {...props} variant="default" size="compact-xs" className={classes.file}>
            Take it from a file
          </Button>
        )}
      </FileButton>
    </div>
  );
}

/** How to make an account for Slipway in a foreign cluster, and its kubeconfig. */
export function JoinHelp({ project }: { project: string }) {
  const [opened, setOpened] = useState(false);
  const { data, error } = useQuery(TargetService.method.getJoinConfig, { project }, { enabled: opened });
  return (
    <details className={classes.help} onToggle={({ currentTarget }) => setOpened(currentTarget.open)}>
      <summary>How to get a kubeconfig with no more rights than needed</summary>
      <Stack gap="xs" mt="xs">
        {error !== null && <Problem error={error} what="The manifests could not be read" />}
        <Step
          words="Apply these manifests with kubectl apply -f -"
          text={data?.manifests ?? ""}
          label="Copy the manifests"
        />
        <Step
          words="Run these commands, and paste here what they print"
          text={data?.commands ?? ""}
          label="Copy the commands"
        />
      </Stack>
    </details>
  );
}

function Step({ words, text, label }: { words: string; text: string; label: string }) {
  return (
    <div>
      <Group gap="xs" justify="space-between">
        <span>
          <Icon name="chevron" size={12} /> {words}
        </span>
        <CopyButton text={text} label={label} />
      </Group>
      <Code block tabIndex={0} className={classes.code}>
        {text}
      </Code>
    </div>
  );
}
