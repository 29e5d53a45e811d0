import { Alert, Button, Checkbox, FormControlLabel, FormHelperText, MenuItem, TextField } from "@mui/material";
import { useMutation } from "@tanstack/react-query";
import { useMemo, useRef, useState, type FormEvent } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { useMe } from "../../app/me";
import { places } from "../../app/places";
import { useFleetSlowly } from "../../fleet/slowly";
import { useLive } from "../../fleet/use";
import type { ManyDrain, Plan, PlanChange } from "../../wire/drains";
import { ApiError, change } from "../../wire/http";
import { Chooser } from "./Chooser";
import { idempotencyKey, useTakeDrain } from "./data";
import { bodyOf, fieldOf, initialValues, matching, problems, type Field, type FormValues } from "./form";
import { forgetHandedOver, handedOver } from "./handover";
import { difference, waveCount, waveSize } from "./model";
import { Changed, Preview } from "./Preview";
import { useWords } from "./words";

/** A plan that was looked at, the form that it is of, and the key that makes beginning it twice the same. */
interface Looked {
  plan: Plan;
  of: string;
  key: string;
}

function startingValues(search: string): FormValues {
  const servers = handedOver(search);
  return servers.length > 0 ? { ...initialValues, by: "servers", servers } : initialValues;
}

export function DrainForm() {
  const words = useWords();
  const may = useMe()?.rights.act;
  const search = useSearch();
  const [, go] = useLocation();
  const take = useTakeDrain();
  const [values, setValues] = useState(() => startingValues(search));
  const [tried, setTried] = useState(false);
  const [looked, setLooked] = useState<Looked | null>(null);
  const [changes, setChanges] = useState<PlanChange[] | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const body = bodyOf(values);
  const text = JSON.stringify(body);

  const look = useMutation({
    mutationFn: () => change<Plan>("/api/drains?preview=true", { body }),
    onMutate: () => begin.reset(),
    onSuccess: (plan) => {
      // The same wish has the same key: where an answer was lost, the drain may be there already.
      setLooked({ plan, of: text, key: looked?.of === text ? looked.key : idempotencyKey() });
      setChanges(null);
      // On a phone the plan is below the form, and a reader of the screen hears where it goes on.
      title.current?.focus();
    },
    onError: () => toError(),
  });
  const begin = useMutation({
    mutationFn: ({ plan, key }: Looked) => change<ManyDrain>("/api/drains", { body: { ...body, planHash: plan.planHash }, idempotencyKey: key }),
    onSuccess: (drain) => {
      forgetHandedOver();
      take(drain);
      go(places.drain(drain.id));
    },
    onError: (error, { plan }) => {
      if (error instanceof ApiError && error.code === "plan_changed") {
        const told = error.body as { changes?: PlanChange[] | null; plan: Plan };
        setChanges(told.changes?.length ? told.changes : difference(plan, told.plan));
      }
    },
  });

  const wrong = problems(values);
  const refused = look.error ?? (changes === null ? begin.error : null);
  const refusedField = refused instanceof ApiError ? fieldOf(refused.code, refused.message, values.by) : null;
  const errorOf = (field: Field) => {
    const own = tried ? wrong[field] : undefined;
    return own !== undefined ? words.drains.problems[own] : refusedField === field ? refused?.message : undefined;
  };
  const edit = (part: Partial<FormValues>) => {
    setValues({ ...values, ...part });
    look.reset();
    if (changes === null) {
      begin.reset();
    }
  };
  // The field is marked with the next rendering.
  const toError = () => window.setTimeout(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), 0);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length === 0) {
      look.mutate();
    } else {
      toError();
    }
  };

  return (
    <div className="pad drains">
      <Link href={places.drains} className="drains-back">
        {words.drains.back}
      </Link>
      <h1>{words.drains.begin}</h1>
      {may === false && <Alert severity="warning">{words.common.takesRole(words.signIn.roles.operator)}</Alert>}
      <div className="drain-form-columns">
        <form ref={form} className="panel drain-form" onSubmit={submit} noValidate>
          <p className="dim">{words.drains.form.intro}</p>
          <Chooser values={values} change={edit} error={errorOf(values.by)} />
          <Settings values={values} change={edit} errorOf={errorOf} />
          {refused !== null && refusedField === null && <Alert severity="error">{refused.message}</Alert>}
          <div className="drain-form-end">
            <Button type="submit" size="medium" variant={looked === null || looked.of !== text ? "contained" : "outlined"} disabled={look.isPending || may !== true}>
              {looked === null ? words.drains.form.preview : words.drains.form.previewAgain}
            </Button>
          </div>
        </form>
        <section className="panel drain-plan" aria-label={words.drains.plan.title} aria-busy={look.isPending}>
          <h2 ref={title} tabIndex={-1}>
            {words.drains.plan.title}
          </h2>
          {changes !== null && <Changed changes={changes} busy={look.isPending} look={() => look.mutate()} />}
          {looked === null ? (
            <p className="dim">{words.drains.plan.none}</p>
          ) : (
            <>
              {looked.of !== text && changes === null && <Alert severity="info">{words.drains.plan.old}</Alert>}
              <Preview plan={looked.plan} />
              <div className="drain-form-end">
                <Button
                  size="medium"
                  variant="contained"
                  color="primary"
                  disabled={looked.of !== text || changes !== null || begin.isPending || look.isPending || may !== true}
                  onClick={() => begin.mutate(looked)}
                >
                  {words.drains.form.start(looked.plan.servers.length)}
                </Button>
              </div>
            </>
          )}
        </section>
      </div>
    </div>
  );
}

interface SettingsPart {
  values: FormValues;
  change(part: Partial<FormValues>): void;
  errorOf(field: Field): string | undefined;
}

type TextName = "reason" | "size" | "maxDraining" | "freeSeats" | "pause" | "settle" | "deadline" | "stopAfter";

function Settings({ values, change, errorOf }: SettingsPart) {
  const { form, spec } = useWords().drains;
  const { store } = useLive();
  const fleet = useFleetSlowly();
  const servers = useMemo(
    () => (values.by === "servers" ? values.servers.length : values.filter.length === 0 ? 0 : matching(store.rows(), values.filter).length),
    [store, fleet, values.by, values.servers, values.filter],
  );
  const size = waveSize(values.size, servers);
  const sizeHint = size === null || servers === 0 ? form.sizeHint : form.sizeIs(Math.min(size, servers), waveCount(values.size, servers) ?? 0);
  const field = (name: TextName, label: string, hint: string, numeric = false) => (
    <TextField
      label={label}
      value={values[name]}
      error={errorOf(name) !== undefined}
      helperText={errorOf(name) ?? hint}
      onChange={(event) => change({ [name]: event.target.value })}
      slotProps={{ htmlInput: { autoComplete: "off", spellCheck: name === "reason", inputMode: numeric ? "numeric" : undefined } }}
    />
  );
  return (
    <fieldset className="drain-fields">
      <legend>{form.how}</legend>
      {field("reason", form.reason, form.reasonHint)}
      <div className="drain-pair">
        {field("size", spec.size, sizeHint)}
        {field("maxDraining", spec.maxDraining, form.maxHint, true)}
        {field("freeSeats", spec.freeSeats, form.freeHint, true)}
        {field("stopAfter", spec.stopAfter, form.stopHint, true)}
        {field("deadline", spec.deadline, form.deadlineHint)}
        {field("settle", spec.settle, form.settleHint)}
        {field("pause", spec.pause, form.pauseHint)}
        <TextField
          select
          label={spec.then}
          value={values.then}
          helperText={values.then === "stay" ? form.stayHint : form.undrainHint}
          onChange={(event) => change({ then: event.target.value as FormValues["then"] })}
        >
          <MenuItem value="stay">{form.stay}</MenuItem>
          <MenuItem value="undrain">{form.undrain}</MenuItem>
        </TextField>
      </div>
      <div>
        <FormControlLabel control={<Checkbox checked={values.keepOne} onChange={(event) => change({ keepOne: event.target.checked })} />} label={spec.keepOne} />
        <FormHelperText className="drain-keep">{form.keepOneHint}</FormHelperText>
      </div>
    </fieldset>
  );
}
