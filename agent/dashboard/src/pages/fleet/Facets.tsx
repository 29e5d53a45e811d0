import { useState } from "react";
import { later, Over } from "../../app/later";
import { chosen, type Filter } from "../../fleet/filter";
import type { FleetView } from "../../fleet/view";
import { Button } from "../../parts/Button";
import { useSpoken } from "../../words/use";

const FacetMenu = later(() => import("./FacetMenu"));

const FIRST = ["type", "region", "zone", "version"] as const;
const MORE = ["group", "tag"] as const;

interface Props {
  view: FleetView;
  filter: Filter;
  onFilter(text: string): void;
  onMenu(open: boolean): void;
  labels: readonly string[];
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
        <Over close={() => toggle(null)}>
          <FacetMenu view={rest.view} filter={rest.filter} fields={fields} titles={titles} anchor={anchor} close={() => toggle(null)} onFilter={rest.onFilter} />
        </Over>
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
