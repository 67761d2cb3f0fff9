import { Alert, Button, Code, Group, Stack } from "@mantine/core";
import { CopyButton } from "./copy-button.js";
import { Icon } from "./icons.js";

/** A secret that the server tells only once: to be copied now, gone when it is closed. Keep it in no query and no draft. */
export function SecretOnce({ secret, what, onDone }: { secret: string; what: string; onDone: () => void }) {
  return (
    <Alert color="var(--warn)" variant="outline" title={`${what}: shown this once`} icon={<Icon name="eye" />}>
      <Stack gap="xs">
        <span>Copy it to a safe place now. It is stored nowhere and cannot be shown again.</span>
        <Group gap="xs" wrap="nowrap">
          <Code block style={{ flex: 1, overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
            {secret}
          </Code>
          <CopyButton text={secret} label={`Copy the ${what.toLowerCase()}`} />
        </Group>
        <Button variant="default" onClick={onDone} w="fit-content">
          I have copied it
        </Button>
      </Stack>
    </Alert>
  );
}
