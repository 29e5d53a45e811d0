import { Alert, Button, Dialog, DialogActions, DialogContent, DialogTitle } from "@mui/material";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useMe } from "../../app/me";
import type { DrainOrder, ManyDrain } from "../../wire/drains";
import { change, segment } from "../../wire/http";
import { useTakeDrain } from "./data";
import { isOver, ordersOf } from "./model";
import { useWords, type WordsOfDrains } from "./words";

/** What may be done to a drain, each behind a dialog that says what exactly happens. */
export function Orders({ drain }: { drain: ManyDrain }) {
  const words = useWords();
  const may = useMe()?.rights.act === true;
  const [asked, setAsked] = useState<DrainOrder | null>(null);
  // The dialog keeps its words while it closes.
  const [shown, setShown] = useState<DrainOrder>("pause");
  const ask = (order: DrainOrder) => {
    setShown(order);
    setAsked(order);
  };
  return (
    <div className="drain-orders">
      {ordersOf(drain).map((order) => (
        <Button key={order} variant="outlined" disabled={!may} onClick={() => ask(order)}>
          {words.drains.orders[order]}
        </Button>
      ))}
      {!may && ordersOf(drain).length > 0 && <small className="dim">{words.common.takesRole(words.signIn.roles.operator)}</small>}
      <Confirm key={shown} drain={drain} order={shown} open={asked !== null} close={() => setAsked(null)} />
    </div>
  );
}

/** Between marks that keep its direction from turning the words around it. */
function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}

function whatHappens(drain: ManyDrain, order: DrainOrder, words: WordsOfDrains): string[] {
  const { confirm } = words.drains;
  const { draining, waiting, failed } = drain.counts;
  switch (order) {
    case "pause":
      return confirm.pause(draining, waiting);
    case "resume":
      return confirm.resume(drain.atWave, drain.waves, drain.state === "stopped" ? failed : 0);
    case "cancel":
      return confirm.cancel(drain.holds, waiting);
    case "undo":
      return confirm.undo(drain.holds, isOver(drain.state));
  }
}

function Confirm({ drain, order, open, close }: { drain: ManyDrain; order: DrainOrder; open: boolean; close(): void }) {
  const words = useWords();
  const take = useTakeDrain();
  const send = useMutation({
    mutationFn: () => change<ManyDrain>(`/api/drains/${segment(drain.id)}/${order}`),
    onSuccess: (after) => {
      take(after);
      close();
    },
  });
  const leave = () => {
    send.reset();
    close();
  };
  // Another operator, or the drain itself, may be faster than this dialog.
  const possible = ordersOf(drain).includes(order) || send.isSuccess;
  return (
    <Dialog open={open} onClose={leave} aria-labelledby="drain-order" maxWidth="xs" fullWidth>
      <DialogTitle id="drain-order" className="drain-confirm-title">
        {words.drains.confirm.title[order](isolated(drain.reason || drain.id))}
      </DialogTitle>
      <DialogContent>
        {possible ? (
          <ul className="drain-confirm">
            {whatHappens(drain, order, words).map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        ) : (
          <Alert severity="warning">{words.drains.confirm.changed(words.drains.states[drain.state])}</Alert>
        )}
        {send.error !== null && <Alert severity="error">{send.error.message}</Alert>}
      </DialogContent>
      <DialogActions>
        <Button onClick={leave}>{possible ? words.drains.confirm.keep : words.common.close}</Button>
        {possible && (
          <Button variant="contained" color={order === "pause" || order === "resume" ? "primary" : "error"} disabled={send.isPending} onClick={() => send.mutate()}>
            {words.drains.orders[order]}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
