import { Alert, Button, TextField } from "@mui/material";
import { useState, type FormEvent } from "react";
import { ApiError } from "../wire/http";
import { useWords } from "../words/use";
import { useSession } from "./me";

export function SignIn() {
  const words = useWords();
  const session = useSession();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await session.signIn(token.trim());
    } catch (failure) {
      setError(failure instanceof ApiError && failure.status === 401 ? words.signIn.wrong : String((failure as Error).message));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="sign-in" onSubmit={submit}>
      <h1>{words.signIn.title}</h1>
      <TextField
        label={words.signIn.token}
        type="password"
        autoComplete="current-password"
        autoFocus
        required
        value={token}
        onChange={(event) => setToken(event.target.value)}
        helperText={words.signIn.hint}
      />
      {error !== null && <Alert severity="error">{error}</Alert>}
      <Button type="submit" variant="contained" size="medium" disabled={busy || token.trim() === ""}>
        {words.signIn.submit}
      </Button>
    </form>
  );
}
