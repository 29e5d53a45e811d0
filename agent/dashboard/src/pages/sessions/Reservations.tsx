import { Alert, Button, TextField } from "@mui/material";
import { useState, type FormEvent } from "react";
import { announce } from "../../app/Announcer";
import { Age } from "../../parts/Age";
import { useRight } from "../../parts/NeedsRole";
import { Trouble } from "../../parts/Trouble";
import { ApiError } from "../../wire/http";
import { useRelease, useReservation } from "./data";
import { useSessionWords } from "./words";

/** The API has no list of them: one is asked for by name. */
export function Reservations() {
  const words = useSessionWords();
  const { may, takes } = useRight("place");
  const [typed, type] = useState({ server: "", id: "" });
  const [asked, ask] = useState<{ server: string; id: string } | null>(null);
  const found = useReservation(asked);
  const release = useRelease();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    release.reset();
    ask({ server: typed.server.trim(), id: typed.id.trim() });
    void found.refetch();
  };
  const none = found.error instanceof ApiError && found.error.code === "no_such_reservation";
  const one = none ? undefined : found.data?.reservation;
  return (
    <section aria-labelledby="reservation">
      <div className="sessions-title">
        <h2 id="reservation">{words.reservation}</h2>
        <span className="dim">{words.reservationHint}</span>
      </div>
      <form className="sessions-search" onSubmit={submit}>
        <TextField
          label={words.server}
          helperText={words.serverHint}
          value={typed.server}
          onChange={(event) => type({ ...typed, server: event.target.value })}
          slotProps={{ htmlInput: { spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
        />
        <TextField
          label={words.reservationId}
          value={typed.id}
          onChange={(event) => type({ ...typed, id: event.target.value })}
          slotProps={{ htmlInput: { spellCheck: false, autoCapitalize: "off", autoComplete: "off" } }}
        />
        <Button type="submit" variant="outlined" loading={found.isFetching} disabled={!/^[^/]+\/.+$/.test(typed.server.trim()) || typed.id.trim() === ""}>
          {words.find}
        </Button>
      </form>
      {none && <Alert severity="info">{words.noReservation}</Alert>}
      {found.error !== null && !none && <Trouble error={found.error} />}
      {release.error !== null && <Trouble error={release.error} />}
      {one !== undefined && asked !== null && (
        <dl className="sessions-facts">
          <dt>{words.reservationId}</dt>
          <dd>
            <bdi>{one.id}</bdi>
          </dd>
          <dt>{words.seats}</dt>
          <dd>{one.seats}</dd>
          <dt>{words.by}</dt>
          <dd>
            <bdi>{one.by ?? "–"}</bdi>
          </dd>
          <dt>{words.expires}</dt>
          <dd>
            <Age at={Date.parse(one.expiresAt)} />
          </dd>
          <dt />
          <dd>
            <Button
              color="error"
              loading={release.isPending}
              disabled={!may}
              title={may ? undefined : takes}
              onClick={() => release.mutate(asked, { onSuccess: () => announce(words.released(asked.id)) })}
            >
              {words.release(one.id)}
            </Button>
          </dd>
        </dl>
      )}
    </section>
  );
}
