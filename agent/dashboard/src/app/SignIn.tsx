import { useEffect, useId, useRef, useState, type FormEvent } from "react";
import { Alert } from "../parts/Alert";
import { Button } from "../parts/Button";
import { ApiError } from "../wire/http";
import type { Words } from "../words/en";
import { useWords } from "../words/use";
import { announce } from "./Announcer";
import { expectArrival } from "./Arrival";
import { leftOnPurpose, NoCookie, session } from "./me";

const LATE_MS = 1000;

function textOf(failure: unknown, words: Words): string {
  if (failure instanceof NoCookie) {
    return words.shell.noCookie;
  }
  if (failure instanceof ApiError) {
    return failure.status === 401 ? words.signIn.wrong : failure.status === 0 ? `${words.shell.unreachable}.` : failure.message;
  }
  return String(failure);
}

/** True once `on` has lasted for a while. */
function useLate(on: boolean): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    const timer = on ? window.setTimeout(() => setLate(true), LATE_MS) : undefined;
    return () => window.clearTimeout(timer);
  }, [on]);
  return late;
}

/** Where nobody is signed in and reading is not open. `lost`: somebody was, and has not signed out. */
export function SignIn({ lost = false, hint, done }: { lost?: boolean; hint?: string; done?: () => void }) {
  const words = useWords();
  const title = useId();
  const field = useRef<HTMLInputElement>(null);
  const [token, setToken] = useState("");
  const [shown, setShown] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const late = useLate(busy);
  const fail = (text: string) => {
    setError(text);
    field.current?.focus();
    field.current?.select();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) {
      return;
    }
    if (token.trim() === "") {
      fail(words.shell.needsToken);
      return;
    }
    setBusy(true);
    setError(null);
    try {
      expectArrival();
      const me = await session.signIn(token.trim());
      announce(words.shell.signedInSaid(me.name ?? ""));
      done?.();
    } catch (failure) {
      fail(textOf(failure, words));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="sign-in" onSubmit={submit} aria-labelledby={title} noValidate>
      <h1 id={title}>{words.signIn.title}</h1>
      {lost && !leftOnPurpose() && <Alert severity="info">{words.shell.signedOut}</Alert>}
      {hint !== undefined && <p className="dim">{hint}</p>}
      <div className="field" data-bad={error !== null || undefined}>
        <label htmlFor={`${title}-token`}>{words.signIn.token}</label>
        <div className="field-line">
          <input
            ref={field}
            id={`${title}-token`}
            type={shown ? "text" : "password"}
            autoComplete="current-password"
            autoFocus
            spellCheck={false}
            autoCapitalize="off"
            aria-invalid={error !== null || undefined}
            aria-describedby={`${title}-hint`}
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
          <button type="button" className="link" aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? words.shell.hide : words.shell.show}
          </button>
        </div>
        <small id={`${title}-hint`} role={error === null ? undefined : "alert"}>
          {error ?? words.signIn.hint}
        </small>
      </div>
      {late && <p className="dim">{words.shell.late}</p>}
      <Button type="submit" variant="contained" size="medium" loading={busy}>
        {words.signIn.submit}
      </Button>
    </form>
  );
}
