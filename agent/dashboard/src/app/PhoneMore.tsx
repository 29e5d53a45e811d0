import { Drawer } from "@mui/material";
import { Link, useLocation } from "wouter";
import type { Me } from "../wire/types";
import { useWords } from "../words/use";
import { isAt, type PlaceName } from "./navigation";
import { places } from "./places";
import { Settings } from "./Settings";

/** The places that the navigation of a phone has no room for, and the settings. */
export default function PhoneMore({ me, names, close }: { me: Me; names: readonly PlaceName[]; close(): void }) {
  const [location] = useLocation();
  const words = useWords();
  return (
    <Drawer anchor="bottom" open onClose={close} slotProps={{ paper: { role: "dialog", "aria-label": words.shell.more } as object }}>
      <div className="phone-more">
        <ul>
          {names.map((name) => (
            <li key={name}>
              <Link href={places[name]} aria-current={isAt(location, places[name]) ? "page" : undefined} onClick={close}>
                {words.nav[name]}
              </Link>
            </li>
          ))}
        </ul>
        <Settings me={me} close={close} />
      </div>
    </Drawer>
  );
}
