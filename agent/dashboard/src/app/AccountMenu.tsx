import { Popover } from "@mui/material";
import type { Me } from "../wire/types";
import { useWords } from "../words/use";
import { Settings } from "./Settings";

/** What the button with the name of whoever is signed in opens. */
export default function AccountMenu({ me, anchor, close }: { me: Me | undefined; anchor: HTMLElement; close(): void }) {
  const words = useWords();
  return (
    <Popover
      open
      anchorEl={anchor}
      onClose={close}
      anchorOrigin={{ vertical: "bottom", horizontal: "right" }}
      transformOrigin={{ vertical: "top", horizontal: "right" }}
      slotProps={{ paper: { role: "dialog", "aria-label": words.shell.account } as object }}
    >
      <Settings me={me} close={close} />
    </Popover>
  );
}
