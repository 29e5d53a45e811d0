import { Button, ListSubheader, Menu, MenuItem } from "@mui/material";
import { useState } from "react";
import { chosen, toggled, type Filter } from "../../fleet/filter";
import { natural } from "../../fleet/order";
import type { Row } from "../../fleet/row";
import type { FleetView } from "../../fleet/view";
import { grouped } from "../../words/time";
import { useSpoken } from "../../words/use";

const FIRST = ["type", "region", "zone", "version"] as const;
const MORE = ["group", "tag"] as const;
const MOST_VALUES = 200;

interface Props {
  view: FleetView;
  filter: Filter;
  onFilter(text: string): void;
  onMenu(open: boolean): void;
  labels: readonly string[];
}

function reader(field: string): (row: Row) => readonly string[] {
  if (field === "tag") {
    return ({ record }) => record.tags ?? [];
  }
  const read = field.startsWith("label.") ? ({ record }: Row) => record.labels?.[field.slice(6)] : ({ record }: Row) => record[field as (typeof FIRST)[number]];
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

function Facet({ name, fields, titles, ...rest }: Props & { name: string; fields: readonly string[]; titles?: readonly string[] }) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const on = fields.reduce((sum, field) => sum + chosen(rest.filter, field).size, 0);
  const toggle = (open: HTMLElement | null) => {
    setAnchor(open);
    rest.onMenu(open !== null);
  };
  return (
    <>
      <Button className="tool" aria-haspopup="menu" aria-expanded={anchor !== null} data-on={on > 0 || undefined} onClick={(event) => toggle(event.currentTarget)}>
        {name}
        {on > 0 && <b className="count num">{on}</b>}
      </Button>
      {anchor !== null && (
        <Menu anchorEl={anchor} open onClose={() => toggle(null)} slotProps={{ paper: { className: "facet-menu" } }}>
          {fields.map((field, index) => (
            <Values key={field} {...rest} field={field} title={titles?.[index]} />
          ))}
        </Menu>
      )}
    </>
  );
}

export function Facets(props: Props) {
  const { words } = useSpoken();
  const { facets, facetMore } = words.fleet;
  const more = [...MORE, ...props.labels.map((name) => `label.${name}`)];
  const titles = [...MORE.map((field) => facets[field]), ...props.labels.map((name) => facets.label(name))];
  return (
    <div className="facets">
      {FIRST.map((field) => (
        <Facet key={field} {...props} name={facets[field]} fields={[field]} />
      ))}
      <Facet {...props} name={facetMore} fields={more} titles={titles} />
    </div>
  );
}
