import { Button, Divider, ListSubheader, Menu, MenuItem } from "@mui/material";
import { useColorScheme } from "@mui/material/styles";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import type { Me } from "../wire/types";
import { languageNames, useSpoken, type Language } from "../words/use";
import { useSession } from "./me";
import { places } from "./places";

function isAt(location: string, place: string): boolean {
  return place === places.fleet ? location === "/" || location.startsWith("/server/") : location === place || location.startsWith(`${place}/`);
}

function Navigation({ me }: { me: Me | undefined }) {
  const [location] = useLocation();
  const { words } = useSpoken();
  const names = ["fleet", "drains", "activity", "audit", "sessions", "keys", "about"] as const;
  const shown = names.filter((name) => (name !== "audit" || me?.rights.act) && (name !== "keys" || me?.rights.administer));
  return (
    <nav aria-label={words.nav.menu}>
      {shown.map((name) => (
        <Link key={name} href={places[name]} aria-current={isAt(location, places[name]) ? "page" : undefined}>
          {words.nav[name]}
        </Link>
      ))}
    </nav>
  );
}

function Settings({ me }: { me: Me | undefined }) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { words, language, setLanguage } = useSpoken();
  const { mode, setMode } = useColorScheme();
  const session = useSession();
  const close = () => setAnchor(null);
  const who = me?.name != null && me.role !== null ? words.signIn.as(me.name, words.signIn.roles[me.role]) : words.signIn.anonymous;
  return (
    <>
      <Button aria-haspopup="menu" aria-expanded={anchor !== null} onClick={(event) => setAnchor(event.currentTarget)}>
        {who}
      </Button>
      <Menu anchorEl={anchor} open={anchor !== null} onClose={close}>
        <ListSubheader>{words.language}</ListSubheader>
        {(Object.keys(languageNames) as Language[]).map((each) => (
          <MenuItem key={each} lang={each} selected={each === language} onClick={() => setLanguage(each)}>
            {languageNames[each]}
          </MenuItem>
        ))}
        <ListSubheader>{words.theme.title}</ListSubheader>
        {(["system", "light", "dark"] as const).map((each) => (
          <MenuItem key={each} selected={each === mode} onClick={() => setMode(each)}>
            {words.theme[each]}
          </MenuItem>
        ))}
        {me?.proof === "cookie" && <Divider />}
        {me?.proof === "cookie" && (
          <MenuItem
            onClick={() => {
              close();
              void session.signOut();
            }}
          >
            {words.signIn.out}
          </MenuItem>
        )}
      </Menu>
    </>
  );
}

export function Bar({ me }: { me: Me | undefined }) {
  return (
    <header className="bar">
      <Link className="bar-name" href={places.fleet}>
        <img src="/icon.svg" alt="" />
        <span className="bar-word">Outrider</span>
        {me?.ui?.name && <span className="bar-fleet">{me.ui.name}</span>}
      </Link>
      <Navigation me={me} />
      <Settings me={me} />
    </header>
  );
}
