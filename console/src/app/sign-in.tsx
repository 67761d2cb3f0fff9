import { useQuery } from "@connectrpc/connect-query";
import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Redirect, useSearch } from "wouter";
import { AuthService } from "../../../gen/ts/iam/v1/auth_pb.js";
import { Icon } from "../kit/icons.js";
import { Problem } from "../kit/problem.js";
import { ThemeToggle } from "./header.js";
import mark from "./mark.svg";
import { type Refusal, session } from "./session.js";
import classes from "./sign-in.module.css";
import { useSession } from "./use-session.js";

/** The sign-in page that leads back to a page. */
export function signInPath(returnTo: string): string {
  return returnTo === "/" ? "/sign-in" : `/sign-in?return-to=${encodeURIComponent(returnTo)}`;
}

/** Only paths of this origin: `//host` and `/\host` are other ones. */
function safePath(path: string | null): string {
  return path !== null && /^\/(?![/\\])/.test(path) && !path.startsWith("/sign-in") ? path : "/";
}

/** What the codes say that a sign-in at a provider ends with. Anybody can write words into a URL: none are shown. */
const failures = new Map([
  ["permission_denied", "The sign-in was refused, or was begun in another browser. Try again."],
  ["unauthenticated", "The sign-in does not hold: it took too long, or the account is disabled. Try again."],
  ["not_found", "There is no such identity provider any more. Choose another one."],
  ["unavailable", "Signing in there is not possible at present. Try again later."],
]);

/** Signs in at an identity provider, or by name and password where that is on. */
export function SignIn() {
  const search = new URLSearchParams(useSearch());
  const { phase, ended } = useSession();
  const returnTo = safePath(search.get("return-to"));
  const failure = search.get("error");
  useEffect(() => {
    document.title = "Sign in · Slipway";
  }, []);
  if (phase === "signed-in") return <Redirect to={returnTo} replace />;
  return (
    <main className={classes.page}>
      <div className={classes.toggle}>
        <ThemeToggle />
      </div>
      <div className={classes.box}>
        <div className={classes.brand}>
          <img src={mark} alt="" width={36} height={36} />
          <h1>Sign in to Slipway</h1>
        </div>
        {failure !== null && (
          <Alert color="var(--bad)" variant="outline" icon={<Icon name="alert" />} role="alert">
            {failures.get(failure) ?? "The sign-in failed. Try again."}
          </Alert>
        )}
        {failure === null && ended === "expired" && (
          <Alert variant="outline" color="var(--busy)" icon={<Icon name="clock" />} role="status">
            Your session has ended. Sign in to go on where you were; what you typed is kept.
          </Alert>
        )}
        {failure === null && ended === "signed-out" && (
          <Alert variant="outline" color="var(--quiet)" icon={<Icon name="check" />} role="status">
            You are signed out.
          </Alert>
        )}
        <Ways returnTo={returnTo} />
      </div>
    </main>
  );
}

function Ways({ returnTo }: { returnTo: string }) {
  const { data, error, refetch } = useQuery(AuthService.method.getAuthInfo, {});
  if (error !== null)
    return <Problem error={error} what="The ways to sign in could not be read" onRetry={() => void refetch()} />;
  if (data === undefined) return <div className={classes.waiting} aria-busy="true" />;
  const { providers, passwordSignIn } = data;
  return (
    <Stack gap="sm">
      {providers.map(({ id, name }) => (
        <Button
          key={id}
          component="a"
          size="sm"
          variant="default"
          fullWidth
          href={`/auth/session/login?provider=${encodeURIComponent(id)}&return-to=${encodeURIComponent(returnTo)}`}
        >
          Continue with {name}
        </Button>
      ))}
      {providers.length > 0 && passwordSignIn && <div className={classes.or}>or</div>}
      {passwordSignIn && <PasswordForm />}
      {providers.length === 0 && !passwordSignIn && (
        <Alert color="var(--warn)" variant="outline" icon={<Icon name="alert" />}>
          No way of signing in is configured. Whoever runs this server can connect an identity provider, or turn
          password sign-in on.
        </Alert>
      )}
    </Stack>
  );
}

function PasswordForm() {
  const [refusal, setRefusal] = useState<Refusal>();
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    setBusy(true);
    try {
      const refused = await session.signIn(String(data.get("username")), String(data.get("password")));
      setRefusal(refused);
      if (refused !== undefined) password.current?.select();
    } catch (error) {
      setRefusal({ code: "unavailable", message: error instanceof Error ? error.message : String(error) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <TextInput
          name="username"
          label="User name"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          ref={password}
          name="password"
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
        />
        {refusal !== undefined && (
          <Alert color="var(--bad)" variant="outline" icon={<Icon name="alert" />} role="alert">
            {refusalText(refusal)}
          </Alert>
        )}
        <Button type="submit" size="sm" fullWidth loading={busy}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}

function refusalText({ code, message, retryAfterSeconds }: Refusal): string {
  if (code === "unauthenticated") return "The user name or the password is wrong.";
  const words = message.charAt(0).toUpperCase() + message.slice(1);
  return retryAfterSeconds === undefined ? words : `${words}. Try again in ${retryAfterSeconds} s.`;
}
