import { lazy, Suspense, type ComponentType, type ReactNode } from "react";
import { Boundary } from "./Boundary";

/*
 * What is not in the first load, MUI above all: it comes when it is asked for, or before that, as soon as the page has nothing else
 * to do. The first load has to be read and started before the first table is there.
 */
type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

const loads: Load<never>[] = [() => import("./Around").then(({ Around }) => ({ default: Around as ComponentType<never> }))];
const SOON_MS = 1000;

/** A component with MUI and the queries around it that is loaded when it is rendered, or by fetchLater(). */
export function later<Props extends object>(load: Load<Props>): ComponentType<Props> {
  loads.push(load as Load<never>);
  return lazy(async () => {
    const [{ Around }, { default: Part }] = await Promise.all([import("./Around"), load()]);
    return {
      default: (props: Props) => (
        <Around>
          <Part {...props} />
        </Around>
      ),
    };
  });
}

function whenIdle(run: () => void): void {
  // Safari has no such callback.
  if (window.requestIdleCallback === undefined) {
    window.setTimeout(run, SOON_MS);
  } else {
    window.requestIdleCallback(run);
  }
}

let fetching = false;

/** Loads all that is not there yet, one after the other, while the page is idle. Where one fails it ends, until it is called again. */
export function fetchLater(): void {
  if (fetching) {
    return;
  }
  fetching = true;
  const next = () => {
    const load = loads[0];
    if (load === undefined) {
      fetching = false;
      return;
    }
    const there = () => {
      loads.shift();
      next();
    };
    whenIdle(() => void load().then(there, () => (fetching = false)));
  };
  window.setTimeout(next, SOON_MS);
}

/** Around what opens over the page. Where it cannot be loaded a note says so, and the page goes on. */
export function Over({ close, children }: { close(): void; children: ReactNode }) {
  return (
    <Boundary place="" close={close}>
      <Suspense fallback={null}>{children}</Suspense>
    </Boundary>
  );
}
