import { Component, type ReactNode } from "react";
import { useLiveness } from "../fleet/use";
import { Alert } from "../parts/Alert";
import { Button } from "../parts/Button";
import { useWords } from "../words/use";

/** Whether what failed is the file of a page: after an upgrade the observer has those of the new version alone. */
function isChunk(error: Error): boolean {
  return error.name === "ChunkLoadError" || /dynamically imported module|module script failed|preload CSS/i.test(error.message);
}

function Failed({ error, again, close }: { error: Error; again(): void; close: (() => void) | undefined }) {
  const words = useWords();
  const lost = useLiveness().lostSince !== null;
  const chunk = isChunk(error);
  return (
    <div className={close === undefined ? "pad" : "failed-over"}>
      <Alert
        severity={chunk ? "info" : "error"}
        title={chunk ? words.shell.chunk : words.shell.broken}
        action={
          <>
            {!chunk && <Button onClick={again}>{words.shell.tryAgain}</Button>}
            <Button onClick={() => window.location.reload()}>{words.states.reload}</Button>
            {close !== undefined && <Button onClick={close}>{words.common.close}</Button>}
          </>
        }
      >
        {chunk ? (lost ? words.shell.chunkLost : words.shell.chunkNew) : words.shell.brokenHint}
        {!chunk && <div className="mono cut">{error.message}</div>}
      </Alert>
    </div>
  );
}

interface Props {
  /** Another place begins without the error of the one before. */
  place: string;
  /** It stands over the page and can be closed: so does its error. */
  close?: () => void;
  children: ReactNode;
}

/** Keeps the failure of a page to this page: the bar and the other pages go on. */
export class Boundary extends Component<Props, { error: Error | null; place: string }> {
  override state: { error: Error | null; place: string } = { error: null, place: this.props.place };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  static getDerivedStateFromProps(props: Props, state: { place: string }) {
    return props.place === state.place ? null : { place: props.place, error: null };
  }

  override render() {
    const { error } = this.state;
    return error === null ? this.props.children : <Failed error={error} again={() => this.setState({ error: null })} close={this.props.close} />;
  }
}
