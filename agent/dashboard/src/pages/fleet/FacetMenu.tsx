import { ListSubheader, Menu, MenuItem } from "@mui/material";
import { useState } from "react";
import { chosen, toggled, type Filter } from "../../fleet/filter";
import { natural } from "../../fleet/order";
import type { Row } from "../../fleet/row";
import type { FleetView } from "../../fleet/view";
import { grouped } from "../../words/time";

const MOST_VALUES = 200;

function reader(field: string): (row: Row) => readonly string[] {
  if (field === "tag") {
    return ({ record }) => record.tags ?? [];
  }
  const read = field.startsWith("label.") ? ({ record }: Row) => record.labels?.[field.slice(6)] : ({ record }: Row) => record[field as "type"];
  return (row) => {
    const value = read(row);
    return value === undefined || value === "" ? [] : [value];
  };
}

/** The values of a field with how many servers each gets one; counted as the menu opens, and the same while it is open. */
function Values({ view, filter, field, title, onFilter }: { view: FleetView; filter: Filter; field: string; title: string | undefined; onFilter(text: string): void }) {
  const [values] = useState(() => [...view.values(field, reader(field))].sort(([a], [b]) => (natural(a) < natural(b) ? -1 : 1)));
  const on = chosen(filter, field);
  const gone = [...on].filter((value) => !values.some(([each]) => each === value));
  const all = [...gone.map((value) => [value, 0] as const), ...values].slice(0, MOST_VALUES);
  return (
    <>
      {title !== undefined && all.length > 0 && <ListSubheader>{title}</ListSubheader>}
      {all.map(([value, servers]) => (
        <MenuItem key={value} role="menuitemcheckbox" aria-checked={on.has(value)} onClick={() => onFilter(toggled(filter, field, value))} className="facet-value">
          <span className="check" data-on={on.has(value) || undefined} />
          <bdi>{value}</bdi>
          <span className="dim num">{grouped(servers)}</span>
        </MenuItem>
      ))}
    </>
  );
}

interface Props {
  view: FleetView;
  filter: Filter;
  fields: readonly string[];
  /** Of each field, where there are several. */
  titles: readonly string[] | undefined;
  anchor: HTMLElement;
  close(): void;
  onFilter(text: string): void;
}

/** What a facet opens: the values to choose from. */
export default function FacetMenu({ fields, titles, anchor, close, ...rest }: Props) {
  return (
    <Menu anchorEl={anchor} open onClose={close} slotProps={{ paper: { className: "facet-menu" } }}>
      {fields.map((field, index) => (
        <Values key={field} {...rest} field={field} title={titles?.[index]} />
      ))}
    </Menu>
  );
}
