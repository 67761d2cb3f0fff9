import { Code } from "@connectrpc/connect";
import { useMutation } from "@connectrpc/connect-query";
import { Button, Group, Select, Stack, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { problemOf } from "../../../../clients/ts/src/problem.js";
import { TokenService } from "../../../../gen/ts/api/v1/token_pb.js";
import { useProject } from "../../app/project.js";
import { Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { SecretOnce } from "../../kit/secret-once.js";
import { type Grants, isEmpty, noGrants, permissionsOf, rolesForCreate } from "./grants.js";
import { GrantsEditor } from "./grants-editor.js";
import { type TokenScope, useScope } from "./use-scope.js";

const lifetimes = [
  { value: "3600", label: "1 hour" },
  { value: "28800", label: "8 hours" },
  { value: "604800", label: "7 days" },
  { value: "2592000", label: "30 days" },
  { value: "7776000", label: "90 days" },
  { value: "31536000", label: "365 days" },
];

/** Makes a token for a program, and shows its secret until one has copied it. */
export function Page() {
  const { uuid: project } = useProject();
  const { scope, error, retry } = useScope();
  const [secret, setSecret] = useState<string>();
  const [, navigate] = useLocation();
  const list = `/projects/${project}/tokens`;
  return (
    <PageBody>
      <PageHeader title="New token" parents={[{ label: "Tokens", href: list }]} />
      {error !== null && scope === undefined && (
        <Problem error={error} what="What a token can give could not be read" onRetry={retry} />
      )}
      {secret !== undefined && <SecretOnce secret={secret} what="Token" onDone={() => navigate(list)} />}
      {scope !== undefined && secret === undefined && (
        <Form scope={scope} project={project} onMade={setSecret} onCancel={() => navigate(list)} />
      )}
    </PageBody>
  );
}

interface FormProps {
  readonly scope: TokenScope;
  readonly project: string;
  readonly onMade: (secret: string) => void;
  readonly onCancel: () => void;
}

function Form({ scope, project, onMade, onCancel }: FormProps) {
  const [description, setDescription] = useState("");
  const [seconds, setSeconds] = useState("2592000");
  const [grants, setGrants] = useState<Grants>(noGrants);
  const [tried, setTried] = useState(false);
  const queryClient = useQueryClient();
  const { mutateAsync, error, isPending } = useMutation(TokenService.method.create, { gcTime: 0 });
  const input = useRef<HTMLInputElement>(null);
  const length = description.trim().length;
  const wrong = length < 2 || length > 256 ? "must be 2 to 256 characters long" : undefined;
  const refused = error === null ? undefined : problemOf(error);
  const atField = refused?.violations.find(({ field }) => field === "description")?.message;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (wrong !== undefined) return input.current?.focus();
    if (isEmpty(grants)) return;
    const answer = await mutateAsync({
      description: description.trim(),
      expires: { seconds: BigInt(seconds) },
      permissions: permissionsOf(grants),
      ...rolesForCreate(grants),
    }).catch(() => undefined);
    if (answer === undefined) return;
    void queryClient.invalidateQueries();
    onMade(answer.secret);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack gap="lg">
        <Group align="start" gap="md" grow preventGrowOverflow={false} wrap="wrap">
          <TextInput
            ref={input}
            label="Description"
            withAsterisk
            autoFocus
            autoComplete="off"
            miw={220}
            value={description}
            onChange={({ currentTarget }) => setDescription(currentTarget.value)}
            description={tried && wrong !== undefined ? undefined : "What it is for, so that you know it again"}
            error={(tried ? wrong : undefined) ?? atField}
            inputWrapperOrder={["label", "input", "error", "description"]}
          />
          <Select
            label="Valid for"
            data={lifetimes}
            value={seconds}
            onChange={(next) => setSeconds(next ?? seconds)}
            allowDeselect={false}
            miw={160}
            description="It ends by itself; you can revoke it before"
            inputWrapperOrder={["label", "input", "error", "description"]}
          />
        </Group>
        <Section title="What it may do">
          <GrantsEditor scope={scope} grants={grants} onChange={setGrants} begin={[project]} />
        </Section>
        {tried && isEmpty(grants) && wrong === undefined && (
          <Problem error={new Error("choose methods or a role that it gives")} what="The token could do nothing yet" />
        )}
        {refused !== undefined && (refused.code !== Code.InvalidArgument || atField === undefined) && (
          <Problem error={error} what="The token was not made" />
        )}
        <Group gap="xs">
          <Button type="submit" loading={isPending}>
            Make the token
          </Button>
          <Button variant="default" onClick={onCancel} disabled={isPending}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
