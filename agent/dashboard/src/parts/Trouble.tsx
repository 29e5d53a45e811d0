import { ApiError } from "../wire/http";
import { useWords } from "../words/use";
import { Alert } from "./Alert";
import { Button } from "./Button";

/** An error in place of what could not be read, in the words of the observer. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const words = useWords();
  const text = error instanceof Error ? error.message : String(error);
  return (
    <Alert
      severity={error instanceof ApiError && error.status === 403 ? "warning" : "error"}
      action={retry && <Button onClick={retry}>{words.states.retry}</Button>}
    >
      {error instanceof ApiError && error.status === 403 ? words.states.refusedTitle : words.states.failed}: {text}
    </Alert>
  );
}
