import { Alert, AlertTitle, Button } from "@mui/material";
import { useState } from "react";
import { useShortcuts } from "../../app/keys";
import { NeedsRole, useRight } from "../../parts/NeedsRole";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import { ApiError } from "../../wire/http";
import { useWords } from "../../words/use";
import { useKeysFollowed, useScope } from "./data";
import { DeleteBelow } from "./DeleteBelow";
import { KeyList } from "./KeyList";
import { KeyPane } from "./KeyPane";
import { isWithin, parentOf } from "./names";
import { NewKey } from "./NewKey";
import { useKeyPlace } from "./place";
import { useKeyWords } from "./words";
import { Way } from "./Way";
import "./keys.css";

function Refused({ error, retry }: { error: unknown; retry(): void }) {
  const words = useKeyWords();
  if (!(error instanceof ApiError) || (error.code !== "keys_off" && error.code !== "key_outside")) {
    return <Trouble error={error} retry={retry} />;
  }
  return (
    <Alert severity="info">
      <AlertTitle>{error.code === "keys_off" ? words.off : words.outside}</AlertTitle>
      {error.code === "keys_off" ? words.offHint : words.outsideHint}
      <p className="mono">
        <bdi>{error.message}</bdi>
      </p>
    </Alert>
  );
}

function Browser() {
  const words = useKeyWords();
  const [place, go] = useKeyPlace();
  const scope = useScope();
  const [dialog, setDialog] = useState<"new" | "below" | null>(null);
  const followed = useKeysFollowed(place.prefix, place.prefix !== "" && scope.data !== undefined && isWithin(place.prefix, scope.data.roots));
  const up = parentOf(place.prefix);
  useShortcuts([
    { keys: "/", does: words.help.prefix, run: () => document.querySelector<HTMLInputElement>(".keys-way input")?.focus() },
    { keys: "n", does: words.help.create, run: () => setDialog("new") },
    { keys: ["u", "Backspace"], does: words.help.up, run: () => (up === null ? false : go({ prefix: up, open: null })) },
    { keys: "Escape", does: words.help.close, run: () => (place.open === null ? false : go({ open: null })) },
  ]);
  if (scope.data === undefined) {
    return scope.error === null ? <Waiting text={words.loadingMore} /> : <Refused error={scope.error} retry={() => void scope.refetch()} />;
  }
  return (
    <>
      <Way roots={scope.data.roots}>
        <Button variant="outlined" onClick={() => setDialog("new")}>
          {words.create}
        </Button>
        {place.prefix !== "" && isWithin(place.prefix, scope.data.roots) && (
          <Button variant="outlined" color="error" onClick={() => setDialog("below")}>
            {words.deleteBelow}
          </Button>
        )}
      </Way>
      <div className="keys-panes" data-open={place.open !== null || undefined}>
        <KeyList roots={scope.data.roots} followed={followed} refused={(error, retry) => <Refused error={error} retry={retry} />} />
        {place.open !== null && <KeyPane key={place.open} id={place.open} followed={followed} readOnly={scope.data.readOnly} />}
      </div>
      {dialog === "new" && <NewKey prefix={place.prefix} close={() => setDialog(null)} />}
      {dialog === "below" && <DeleteBelow prefix={place.prefix} close={() => setDialog(null)} />}
    </>
  );
}

/** The keys of the registry, for an admin. */
export default function KeysPage() {
  const { nav } = useWords();
  const { may } = useRight("administer");
  return (
    <div className="keys fills">
      <h1>{nav.keys}</h1>
      {may ? <Browser /> : <NeedsRole right="administer" />}
    </div>
  );
}
