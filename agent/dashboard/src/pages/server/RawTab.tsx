import { Copy } from "../../parts/Copy";
import type { ServerRecord } from "../../wire/types";
import { useWords } from "../../words/use";

export function RawTab({ record }: { record: ServerRecord }) {
  const words = useWords();
  const text = JSON.stringify(record, null, 2);
  return (
    <>
      <div className="server-row">
        <h3>{words.server.raw.title}</h3>
        <Copy text={text} what={words.server.raw.title}>
          {words.server.raw.copy}
        </Copy>
      </div>
      <pre className="server-raw mono" tabIndex={0} aria-label={words.server.raw.title} dir="ltr">
        {text}
      </pre>
    </>
  );
}
