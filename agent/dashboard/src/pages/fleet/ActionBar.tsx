import { Link, useLocation } from "wouter";
import { useMe } from "../../app/me";
import { places } from "../../app/places";
import type { Key } from "../../fleet/row";
import type { HoldChange } from "../../wire/holds";
import { Button } from "../../parts/Button";
import { useWords } from "../../words/use";
import { drainFormFor } from "../drains/handover";
import { DIRECT_AT_MOST } from "./many";

interface Props {
  keys: readonly Key[];
  /** They are selected, not just the one that is active. */
  onHold(change: HoldChange): void;
  onClear(): void;
  search: string;
}

/** What can be done with the selection: at the lower edge, within the reach of a thumb. */
export function ActionBar({ keys, onHold, onClear, search }: Props) {
  const words = useWords();
  const me = useMe();
  const [, navigate] = useLocation();
  if (keys.length === 0) {
    return null;
  }
  const one = keys.length === 1 ? keys[0]! : null;
  const may = me?.rights.act === true;
  const many = keys.length > DIRECT_AT_MOST;
  const drain = one === null ? words.fleet.drainMany(keys.length) : words.fleet.drain(one);
  const undrain = one === null ? words.fleet.undrainMany(keys.length) : words.fleet.undrain(one);
  const hint = may ? undefined : words.common.takesRole(words.signIn.roles.operator);
  return (
    <div className="action-bar" role="region" aria-label={words.fleet.selected(keys.length)}>
      <span className="action-count num">{words.fleet.selected(keys.length)}</span>
      <button type="button" className="action-clear" aria-label={words.fleet.clearSelection} title={words.fleet.clearSelection} onClick={onClear}>
        ×
      </button>
      <span title={hint}>
        <Button variant="contained" disabled={!may} onClick={() => (many ? navigate(drainFormFor(keys)) : onHold("drain"))}>
          {drain}
          {many && "…"}
        </Button>
      </span>
      <span title={hint}>
        <Button variant="outlined" disabled={!may} onClick={() => onHold("undrain")}>
          {undrain}
        </Button>
      </span>
      {one !== null && (
        <Link className="button action-open" href={places.server(one) + search}>
          {words.fleet.open(one)}
        </Link>
      )}
    </div>
  );
}
