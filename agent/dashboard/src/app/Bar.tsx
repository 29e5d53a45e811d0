import { useState } from "react";
import { Link, useLocation } from "wouter";
import { Button } from "../parts/Button";
import type { Me } from "../wire/types";
import { useWords } from "../words/use";
import { ConnectionMark } from "./Connection";
import { Icon } from "./icons";
import { later, Over } from "./later";
import { isAt, placesOf } from "./navigation";
import { places } from "./places";

const AccountMenu = later(() => import("./AccountMenu"));

function Navigation({ me }: { me: Me }) {
  const [location] = useLocation();
  const words = useWords();
  return (
    <nav aria-label={words.nav.menu}>
      {placesOf(me).map((name) => (
        <Link key={name} href={places[name]} aria-current={isAt(location, places[name]) ? "page" : undefined}>
          {words.nav[name]}
        </Link>
      ))}
    </nav>
  );
}

function Account({ me }: { me: Me | undefined }) {
  const words = useWords();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const close = () => setAnchor(null);
  const who = me?.name != null && me.role !== null ? words.signIn.as(me.name, words.signIn.roles[me.role]) : words.signIn.anonymous;
  return (
    <>
      <Button
        className="account"
        aria-haspopup="dialog"
        aria-expanded={anchor !== null}
        title={words.shell.account}
        onClick={(event) => setAnchor(event.currentTarget)}
      >
        <Icon name="person" />
        <bdi className="account-name">{who}</bdi>
      </Button>
      {anchor !== null && (
        <Over close={close}>
          <AccountMenu me={me} anchor={anchor} close={close} />
        </Over>
      )}
    </>
  );
}

export function Bar({ me, inside }: { me: Me | undefined; inside: boolean }) {
  return (
    <header className="bar">
      <Link className="bar-name" href={places.fleet} aria-label="Outrider">
        <img src="/icon.svg" alt="" />
        <span className="bar-word">Outrider</span>
      </Link>
      {me?.ui?.name && (
        <span className="bar-fleet" title={me.ui.name}>
          <bdi>{me.ui.name}</bdi>
        </span>
      )}
      {inside && me !== undefined && <Navigation me={me} />}
      <span className="bar-space" />
      {inside && <ConnectionMark />}
      <Account me={me} />
    </header>
  );
}
