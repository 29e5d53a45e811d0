import type { ReactNode } from "react";
import { Age } from "../../parts/Age";
import type { Drain, ServerRecord } from "../../wire/types";
import { moment } from "../../words/time";
import { useSpoken, useWords } from "../../words/use";

const MEMBERS = ["id", "type", "status", "reason", "customState", "host", "ports", "players", "capacity", "weight", "region", "zone", "group", "version", "tags", "startedAt", "updatedAt"] as const;
const SHOWN = new Set<string>([...MEMBERS, "labels", "drain", "signed", "sig"]);

function When({ text }: { text: string }) {
  const { language } = useSpoken();
  const at = Date.parse(text);
  return Number.isNaN(at) ? (
    <bdi>{text}</bdi>
  ) : (
    <>
      <Age at={at} /> <span className="dim server-moment">{moment(at, language)}</span>
    </>
  );
}

function Value({ name, value }: { name: string; value: unknown }): ReactNode {
  if (typeof value === "string" && (name === "startedAt" || name === "updatedAt" || name === "since" || name === "deadline")) {
    return <When text={value} />;
  }
  if (name === "tags" && Array.isArray(value)) {
    return (
      <span className="server-tags">
        {value.map((each, index) => (
          <bdi key={index} className="server-tag">
            {String(each)}
          </bdi>
        ))}
      </span>
    );
  }
  const text = Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
  return <bdi className={typeof value === "string" ? undefined : "num"}>{text}</bdi>;
}

function Rows({ rows }: { rows: [string, string, unknown][] }) {
  return (
    <dl className="server-list">
      {rows.map(([name, title, value]) => (
        <div key={name}>
          <dt>
            <bdi>{title}</bdi>
          </dt>
          <dd>
            <Value name={name} value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Signed({ signed }: { signed: boolean | null }) {
  const words = useWords();
  const { signedGood, signedBad, signedNone, signed: title } = words.server.record;
  return (
    <div data-bad={signed === false || undefined}>
      <dt>{title}</dt>
      <dd>{signed === null ? signedNone : signed ? signedGood : signedBad}</dd>
    </div>
  );
}

function Section({ title, rows }: { title: string; rows: [string, string, unknown][] }) {
  return rows.length === 0 ? null : (
    <>
      <h3>{title}</h3>
      <Rows rows={rows} />
    </>
  );
}

/** The members that are there. What is absent is not known, and is not shown as 0. */
export function RecordTab({ record }: { record: ServerRecord }) {
  const words = useWords();
  const texts = words.server.record;
  const rows = MEMBERS.filter((name) => record[name] !== undefined).map((name): [string, string, unknown] => [name, texts.names[name]!, record[name]]);
  const drain = Object.entries(record.drain ?? {}) as [keyof Drain, unknown][];
  const others = Object.entries(record).filter(([name]) => !SHOWN.has(name));
  return (
    <>
      <h3>{texts.title}</h3>
      <Rows rows={rows} />
      {record.signed !== undefined && (
        <dl className="server-list">
          <Signed signed={record.signed} />
        </dl>
      )}
      <Section title={texts.names.drain!} rows={drain.map(([name, value]) => [name, texts.hold[name] ?? name, value])} />
      <Section title={texts.labels} rows={Object.entries(record.labels ?? {}).map(([name, value]) => [`label ${name}`, name, value])} />
      <Section title={texts.others} rows={others.map(([name, value]) => [`other ${name}`, name, value])} />
    </>
  );
}
