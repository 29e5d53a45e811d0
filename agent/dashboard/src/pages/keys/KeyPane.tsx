import { Alert, Button } from "@mui/material";
import { useState } from "react";
import { Link } from "wouter";
import { places } from "../../app/places";
import { Choice } from "../../parts/Choice";
import { Copy } from "../../parts/Copy";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import { ApiError } from "../../wire/http";
import type { KeyInfo } from "../../wire/types";
import { useSpoken, useWords } from "../../words/use";
import { useKey } from "./data";
import { DeleteKey } from "./DeleteKey";
import { draftFor, keepDraft, type Draft } from "./drafts";
import { KeyEditor } from "./KeyEditor";
import { nameOf, visible } from "./names";
import { isFollowed, useKeyPlace } from "./place";
import { draftOf, formatsOf, shownAs, type Format } from "./value";
import { useKeyWords } from "./words";

/** The server whose record this is; null: it is none. */
function serverOf(info: KeyInfo): string | null {
  try {
    const { type, id } = JSON.parse(info.value ?? "") as { type?: unknown; id?: unknown };
    return typeof type === "string" && typeof id === "string" && nameOf(info).endsWith(`/${type}/${id}`) ? `${type}/${id}` : null;
  } catch {
    return null;
  }
}

function Facts({ info }: { info: KeyInfo }) {
  const words = useKeyWords();
  const { language } = useSpoken();
  const server = serverOf(info);
  return (
    <dl className="keys-facts">
      <dt>{words.size}</dt>
      <dd className="num">{info.size.toLocaleString(language)} B</dd>
      <dt>{words.revision}</dt>
      <dd className="num">{info.revision}</dd>
      <dt>{words.created}</dt>
      <dd className="num">{info.createRevision}</dd>
      <dt>{words.lease}</dt>
      <dd>
        {info.lease === null ? (
          words.leaseNone
        ) : (
          <>
            <span className="mono">{info.lease}</span> <span className="dim">{words.leaseHint}</span>
          </>
        )}
      </dd>
      {server !== null && (
        <>
          <dt />
          <dd>
            <Link href={places.server(server)}>{words.server(server)}</Link>
          </dd>
        </>
      )}
    </dl>
  );
}

function Value({ info }: { info: KeyInfo }) {
  const words = useKeyWords();
  const formats = formatsOf(info);
  const [wanted, want] = useState<Format>(formats[0]!);
  const format = formats.includes(wanted) ? wanted : formats[0]!;
  const text = shownAs(info, format);
  return (
    <>
      <div className="keys-value-head">
        <Choice<Format> legend={words.format} bare value={format} options={formats.map((value) => ({ value, text: words.formats[value] }))} onChange={want} />
        <Copy text={text} what={words.value} />
      </div>
      {text === "" ? (
        <p className="dim">{words.emptyValue}</p>
      ) : (
        <pre className="keys-value mono" data-wraps={format !== "hex" || undefined} tabIndex={0} aria-label={words.value}>
          {text}
        </pre>
      )}
    </>
  );
}

function Shown({ info, readOnly, edit }: { info: KeyInfo; readOnly: boolean; edit(): void }) {
  const words = useKeyWords();
  const [asks, ask] = useState(false);
  const name = nameOf(info);
  return (
    <>
      <Facts info={info} />
      {readOnly && <Alert severity="info">{words.readOnly}</Alert>}
      <Value info={info} />
      {!readOnly && (
        <div className="keys-actions">
          <Button variant="contained" onClick={edit}>
            {words.edit}
          </Button>
          <Button color="error" onClick={() => ask(true)}>
            {words.delete(lastOf(name))}
          </Button>
        </div>
      )}
      {asks && <DeleteKey info={info} close={() => ask(false)} />}
    </>
  );
}

/** The end of a name, for a button: the whole stands above it. */
export function lastOf(name: string): string {
  return visible(name.slice(name.replace(/\/$/, "").lastIndexOf("/") + 1) || name);
}

function Content({ id, followed, readOnly, named }: { id: string; followed: boolean; readOnly: string; named: string }) {
  const words = useKeyWords();
  const one = useKey(id, followed);
  const [draft, setDraft] = useState(() => draftFor(id));
  const set = (next: Draft | null) => {
    keepDraft(id, next);
    setDraft(next);
  };
  const gone = one.error instanceof ApiError && one.error.code === "no_such_key";
  if (draft !== null) {
    return <KeyEditor id={id} name={named} draft={draft} now={gone ? null : (one.data ?? null)} known={gone || one.data !== undefined} set={set} />;
  }
  if (gone) {
    return (
      <Alert severity="info">
        {words.gone}. {words.goneHint}
      </Alert>
    );
  }
  if (one.data === undefined) {
    return one.error === null ? <Waiting text={words.loadingMore} /> : <Trouble error={one.error} retry={() => void one.refetch()} />;
  }
  const info = one.data;
  return (
    <Shown
      info={info}
      readOnly={named.startsWith(readOnly)}
      edit={() => set({ text: draftOf(info), asBytes: info.valueBase64 !== undefined, base: info.revision })}
    />
  );
}

/** One key: what it is, its value, and how to change it. */
export function KeyPane({ id, followed, readOnly }: { id: string; followed: boolean; readOnly: string }) {
  const words = useKeyWords();
  const { common } = useWords();
  const [place, go] = useKeyPlace();
  const named = nameOf({ id, key: textOfId(id) });
  return (
    <section className="keys-pane" aria-label={visible(named)}>
      <header>
        <h2 className="mono">
          <bdi>{visible(named)}</bdi>
        </h2>
        <Copy text={named} what={words.name} />
        <span className="keys-space" />
        <Button aria-label={words.closeKey} onClick={() => go({ open: null })}>
          {common.close}
        </Button>
      </header>
      <Content id={id} followed={isFollowed(named, place.prefix, followed)} readOnly={readOnly} named={named} />
    </section>
  );
}

/** The key as the API has it, where it is text. */
function textOfId(id: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(id.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
