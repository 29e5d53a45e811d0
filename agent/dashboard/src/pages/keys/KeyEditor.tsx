import { Alert, Button } from "@mui/material";
import { useId } from "react";
import { announce } from "../../app/Announcer";
import { Trouble } from "../../parts/Trouble";
import { ApiError } from "../../wire/http";
import type { KeyInfo } from "../../wire/types";
import { useWords } from "../../words/use";
import { useKeyChanges } from "./data";
import type { Draft } from "./drafts";
import { lastOf } from "./KeyPane";
import { bodyOf, diffLines, draftOf, jsonTrouble, prettyJson, type DiffLine } from "./value";
import { useKeyWords } from "./words";

function Side({ title, lines }: { title: string; lines: readonly DiffLine[] }) {
  return (
    <div className="keys-side">
      <h3>{title}</h3>
      <pre className="mono" tabIndex={0} aria-label={title}>
        {lines.map(({ text, changed }, index) => (
          <span key={index} data-changed={changed || undefined}>
            {text}
            {"\n"}
          </span>
        ))}
      </pre>
    </div>
  );
}

/** Both laid out where both are JSON, so that their lines can be compared. */
function sides(theirs: string, mine: string): [DiffLine[], DiffLine[]] {
  const [left, right] = [prettyJson(theirs), prettyJson(mine)];
  return left !== null && right !== null ? diffLines(left, right) : diffLines(theirs, mine);
}

function Conflict({ now, draft }: { now: KeyInfo | null; draft: Draft }) {
  const words = useKeyWords();
  const [left, right] = sides(now === null ? "" : draftOf(now), draft.text);
  return (
    <>
      <Alert severity="warning">{now === null ? words.conflictGone(draft.base) : words.conflict(now.revision, draft.base)}</Alert>
      <div className="keys-sides">
        <Side title={now === null ? words.theirsGone : words.theirs(now.revision)} lines={now === null ? [] : left} />
        <Side title={words.mine} lines={right} />
      </div>
    </>
  );
}

interface Props {
  id: string;
  name: string;
  draft: Draft;
  /** The key as it is; null: it is gone. */
  now: KeyInfo | null;
  /** Whether it is known how the key is. */
  known: boolean;
  set(draft: Draft | null): void;
}

/** A value that is changed. What has happened to the key meanwhile stands beside it before anything is overwritten. */
export function KeyEditor({ id, name, draft, now, known, set }: Props) {
  const words = useKeyWords();
  const { common } = useWords();
  const hint = useId();
  const { put } = useKeyChanges();
  const conflict = known && now?.revision !== draft.base;
  const body = bodyOf(draft.text, draft.asBytes);
  const wasJson = now?.value !== undefined && prettyJson(now.value) !== null;
  const trouble = body === null ? words.notBase64 : wasJson && jsonTrouble(draft.text) !== null ? words.notJson(jsonTrouble(draft.text)!) : null;
  const laidOut = draft.asBytes ? null : prettyJson(draft.text);
  const save = (over: number | null) => {
    if (body === null) {
      return;
    }
    put.mutate(
      { id, body, over },
      {
        onSuccess: ({ revision }) => {
          announce(words.saved(name, revision));
          set(null);
        },
      },
    );
  };
  const refused = put.error instanceof ApiError && put.error.status === 412 ? null : put.error;
  return (
    <>
      {conflict && <Conflict now={now} draft={draft} />}
      <textarea
        className="keys-text mono"
        aria-label={`${draft.asBytes ? words.valueBase64 : words.value} ${name}`}
        aria-describedby={hint}
        aria-invalid={body === null || undefined}
        spellCheck={false}
        autoFocus
        value={draft.text}
        onChange={(event) => set({ ...draft, text: event.target.value })}
      />
      <p id={hint} className="keys-hint" data-bad={trouble !== null || undefined}>
        {trouble ?? (now !== null && draft.text !== draftOf(now) ? words.unsaved : "\u00a0")}
      </p>
      {refused !== null && <Trouble error={refused} />}
      <div className="keys-actions">
        {!conflict && (
          <Button variant="contained" loading={put.isPending} disabled={body === null || !known} onClick={() => save(draft.base)}>
            {words.save(lastOf(name))}
          </Button>
        )}
        {conflict && (
          <Button variant="contained" color="warning" loading={put.isPending} disabled={body === null} onClick={() => save(now?.revision ?? null)}>
            {now === null ? words.makeAgain : words.saveOver(now.revision)}
          </Button>
        )}
        {laidOut !== null && laidOut !== draft.text && <Button onClick={() => set({ ...draft, text: laidOut })}>{words.layOut}</Button>}
        <Button onClick={() => set(null)}>{conflict ? words.takeTheirs : common.cancel}</Button>
      </div>
    </>
  );
}
