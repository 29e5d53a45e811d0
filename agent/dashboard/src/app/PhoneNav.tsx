import { useState } from "react";
import { Link, useLocation } from "wouter";
import type { Me } from "../wire/types";
import { useWords } from "../words/use";
import { Icon, type IconName } from "./icons";
import { later, Over } from "./later";
import { isAt, placesOf, type PlaceName } from "./navigation";
import { places } from "./places";

const PhoneMore = later(() => import("./PhoneMore"));

const within = new Set<PlaceName>(["fleet", "drains", "activity"]);

/** On a phone: the places that are used at 3 a.m. within reach of the thumb, all else behind one more. */
export function PhoneNav({ me }: { me: Me }) {
  const [location] = useLocation();
  const words = useWords();
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  const all = placesOf(me);
  const rest = all.filter((name) => !within.has(name));
  const current = (name: PlaceName) => (isAt(location, places[name]) ? ("page" as const) : undefined);
  return (
    <nav className="phone-nav" aria-label={words.nav.menu}>
      {all
        .filter((name) => within.has(name))
        .map((name) => (
          <Link key={name} href={places[name]} aria-current={current(name)}>
            <Icon name={name as IconName} size={22} />
            {words.nav[name]}
          </Link>
        ))}
      <button type="button" aria-haspopup="dialog" aria-expanded={open} data-on={rest.some(current) || undefined} onClick={() => setOpen(true)}>
        <Icon name="more" size={22} />
        {words.shell.more}
      </button>
      {open && (
        <Over close={close}>
          <PhoneMore me={me} names={rest} close={close} />
        </Over>
      )}
    </nav>
  );
}
