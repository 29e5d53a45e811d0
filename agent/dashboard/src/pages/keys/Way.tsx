import { Button, TextField } from "@mui/material";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { Link } from "wouter";
import { Choice } from "../../parts/Choice";
import { crumbsOf, isWithin, visible } from "./names";
import { hrefOf, useKeyPlace } from "./place";
import { useKeyWords } from "./words";

function Crumbs({ roots }: { roots: readonly string[] }) {
  const words = useKeyWords();
  const [{ prefix, flat }] = useKeyPlace();
  const crumbs = [{ text: words.all, prefix: "" }, ...crumbsOf(prefix)];
  return (
    <nav className="keys-crumbs" aria-label={words.way}>
      {crumbs.map((each, index) => {
        const here = index === crumbs.length - 1;
        return (
          <span key={each.prefix} className={index === 0 ? undefined : "mono"}>
            {!here && isWithin(each.prefix, roots) ? (
              <Link href={hrefOf({ prefix: each.prefix, flat, open: null })}>
                <bdi>{visible(each.text)}</bdi>
              </Link>
            ) : (
              <bdi aria-current={here ? "location" : undefined}>{visible(each.text)}</bdi>
            )}
          </span>
        );
      })}
    </nav>
  );
}

/** Where the list is in the keys, and the way to elsewhere. */
export function Way({ roots, children }: { roots: readonly string[]; children: ReactNode }) {
  const words = useKeyWords();
  const [{ prefix, flat }, go] = useKeyPlace();
  const [typed, type] = useState(prefix);
  useEffect(() => type(prefix), [prefix]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go({ prefix: typed.trim(), open: null });
  };
  return (
    <div className="keys-way">
      <Crumbs roots={roots} />
      <form onSubmit={submit} role="search">
        <TextField
          label={words.prefix}
          placeholder={words.prefixHint}
          value={typed}
          onChange={(event) => type(event.target.value)}
          slotProps={{ htmlInput: { className: "mono", spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
        />
        <Button type="submit" variant="outlined">
          {words.go}
        </Button>
      </form>
      <Choice
        legend={words.shownAs}
        bare
        value={flat ? "list" : "folders"}
        options={[
          { value: "folders", text: words.asFolders },
          { value: "list", text: words.asList },
        ]}
        onChange={(value) => go({ flat: value === "list" })}
      />
      <span className="keys-space" />
      {children}
    </div>
  );
}
