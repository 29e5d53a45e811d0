import { useState } from "react";
import { Button } from "../parts/Button";
import { Choice } from "../parts/Choice";
import type { Me } from "../wire/types";
import { shortMoment } from "../words/time";
import { languageNames, useSpoken, type Language } from "../words/use";
import { showHelp } from "./help";
import { later, Over } from "./later";
import { useTheme, type Theme } from "./look";
import { session } from "./me";

const SignInDialog = later(() => import("./SignInDialog"));

export function LanguageChoice() {
  const { words, language, setLanguage } = useSpoken();
  const options = (Object.keys(languageNames) as Language[]).map((value) => ({ value, text: languageNames[value], lang: value }));
  return <Choice legend={words.language} value={language} options={options} onChange={setLanguage} />;
}

export function ThemeChoice() {
  const { words } = useSpoken();
  const [theme, setTheme] = useTheme();
  const options = (["light", "dark", "system"] as const).map((value) => ({ value, text: words.theme[value] }));
  return <Choice<Theme> legend={words.theme.title} value={theme} options={options} onChange={setTheme} />;
}

function Who({ me }: { me: Me | undefined }) {
  const { words, language } = useSpoken();
  return (
    <div className="who">
      <strong>
        <bdi>{me?.name ?? words.signIn.anonymous}</bdi>
      </strong>
      {me?.role != null && <span className="dim">{words.signIn.roles[me.role]}</span>}
      {me?.expires != null && <small className="dim">{words.shell.expires(shortMoment(Date.parse(me.expires), language))}</small>}
    </div>
  );
}

/** Who is signed in, and how the page looks: the content of the menu at the right, and of the phone's. */
export function Settings({ me, close }: { me: Me | undefined; close(): void }) {
  const { words } = useSpoken();
  const [signingIn, setSigningIn] = useState(false);
  return (
    <div className="settings">
      <Who me={me} />
      <LanguageChoice />
      <ThemeChoice />
      <div className="settings-actions">
        <Button
          onClick={() => {
            close();
            showHelp();
          }}
        >
          {words.shell.keyboard.title}
        </Button>
        {me?.proof === "cookie" && (
          <Button
            onClick={() => {
              close();
              void session.signOut();
            }}
          >
            {words.signIn.out}
          </Button>
        )}
        {me?.proof === "none" && me.rights.read && <Button onClick={() => setSigningIn(true)}>{words.signIn.submit}</Button>}
      </div>
      {signingIn && (
        <Over close={() => setSigningIn(false)}>
          <SignInDialog close={() => setSigningIn(false)} done={close} />
        </Over>
      )}
    </div>
  );
}
