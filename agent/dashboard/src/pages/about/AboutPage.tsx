import { Alert, Button } from "@mui/material";
import { useEffect, useState, type ReactNode } from "react";
import { showHelp } from "../../app/help";
import { LettersSwitch } from "../../app/Letters";
import { useMe } from "../../app/me";
import { LanguageChoice, ThemeChoice } from "../../app/Settings";
import { useLive, useLiveness } from "../../fleet/use";
import { useSecond } from "../../parts/Age";
import { Trouble } from "../../parts/Trouble";
import { useAgent } from "../../parts/useAgent";
import { Waiting } from "../../parts/Waiting";
import type { AgentFacts } from "../../wire/agent";
import { clockAhead } from "../../wire/clock";
import type { Me } from "../../wire/types";
import { about as en } from "../../words/en/about";
import { about as ko } from "../../words/ko/about";
import { duration, shortMoment } from "../../words/time";
import { useSpoken } from "../../words/use";
import "./about.css";

const sections = { en, ko };
const useAboutWords = () => sections[useSpoken().language];

type Fact = [string, ReactNode];

function Card({ title, facts, children }: { title: string; facts: readonly (Fact | null)[]; children?: ReactNode }) {
  return (
    <section className="about-card">
      <h2>{title}</h2>
      <dl>
        {facts.map(
          (fact) =>
            fact !== null && (
              <div key={fact[0]}>
                <dt>{fact[0]}</dt>
                <dd>{fact[1]}</dd>
              </div>
            ),
        )}
      </dl>
      {children}
    </section>
  );
}

const said = (text: string) => <bdi className="mono">{text}</bdi>;
const bad = (text: string) => <bdi className="about-bad">{text}</bdi>;

function You({ me }: { me: Me }) {
  const { words, language } = useSpoken();
  const about = useAboutWords();
  const may = (Object.keys(about.right) as (keyof Me["rights"])[]).filter((each) => me.rights[each]);
  return (
    <Card
      title={about.you}
      facts={[
        [about.name, <bdi>{me.name ?? words.signIn.anonymous}</bdi>],
        [about.role, me.role === null ? words.common.none : words.signIn.roles[me.role]],
        [about.rights, may.map((each) => about.right[each]).join(", ") || words.common.none],
        [about.proof, about.proofs[me.proof]],
        me.expires === null ? null : [about.until, shortMoment(Date.parse(me.expires), language)],
      ]}
    />
  );
}

function Observer({ agent }: { agent: AgentFacts }) {
  const { words } = useSpoken();
  const about = useAboutWords();
  return (
    <Card
      title={agent.observer === true ? about.observer : about.sidecar(`${agent.type}/${agent.id}`)}
      facts={[
        [about.version, agent.version],
        [about.running, duration(agent.uptimeMs, words)],
        [about.pid, agent.pid],
        [about.configFile, said(agent.configFile)],
        [about.stateDir, agent.stateDir === null ? words.common.none : said(agent.stateDir)],
        agent.stateLastError === null ? null : [about.stateError, bad(agent.stateLastError)],
        [about.sandbox, agent.sandbox.on ? about.on : bad(`${about.off}${agent.sandbox.cause === null ? "" : `: ${agent.sandbox.cause}`}`)],
      ]}
    />
  );
}

function View({ view }: { view: AgentFacts["view"] }) {
  const { words, language } = useSpoken();
  const about = useAboutWords();
  const number = (value: number) => value.toLocaleString(language);
  const current = !view.known ? bad(about.notKnown) : view.synced ? about.current : bad(about.staleFor(duration(view.ageMs, words)));
  return (
    <Card
      title={about.view}
      facts={[
        [about.state, <>{about.viewStates[view.state] ?? view.state}, {current}</>],
        [about.servers, about.serversOf(number(view.healthy), number(view.services))],
        [about.revision, view.revision],
        [about.listings, number(view.listings)],
        [about.stalls, number(view.stalls)],
        [about.unreadable, view.unreadable === 0 ? 0 : bad(number(view.unreadable))],
        view.lastError === null ? null : [about.lastError, bad(view.lastError)],
        view.fileLastError === null ? null : [about.stateError, bad(view.fileLastError)],
      ]}
    >
      {view.unreadableKeys.length > 0 && (
        <ul className="about-keys">
          {view.unreadableKeys.map((each) => (
            <li key={each.key}>
              {said(each.key)} <bdi className="dim">{each.reason}</bdi>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Registry({ registry }: { registry: AgentFacts["registry"] }) {
  const { words } = useSpoken();
  const about = useAboutWords();
  return (
    <Card
      title={about.registry}
      facts={[
        registry.prefix === undefined ? null : [about.prefix, said(registry.prefix)],
        [
          about.endpoints,
          registry.endpoints.map((each) => (
            <div key={each.url}>
              {said(each.url)} {each.inUse && <span className="dim">{about.inUse}</span>} {each.lastError !== null && bad(each.lastError)}
            </div>
          )),
        ],
        [about.cluster, registry.clusterId === null ? words.common.unknown : said(registry.clusterId)],
        registry.lastError === null ? null : [about.lastError, bad(registry.lastError)],
      ]}
    />
  );
}

interface Files {
  bytes: number;
  count: number;
}

/** What the browser has fetched for the page itself. */
function filesNow(): Files {
  const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  const files = entries.filter((each) => !new URL(each.name).pathname.startsWith("/api/"));
  return { bytes: files.reduce((sum, each) => sum + each.transferSize, 0), count: files.length };
}

function Page() {
  const { language } = useSpoken();
  const about = useAboutWords();
  const live = useLive();
  const { phase } = useLiveness();
  const [files, setFiles] = useState(filesNow);
  useSecond();
  useEffect(() => setFiles(filesNow()), [phase]);
  const kb = (bytes: number) => Math.round(bytes / 1000).toLocaleString(language);
  const ahead = Math.round(clockAhead() / 1000);
  return (
    <Card
      title={about.page}
      facts={[
        [about.connection, about.phases[phase]],
        [about.received, about.bytes(kb(live.received))],
        [about.files, files.bytes === 0 ? about.fromCache : about.filesOf(kb(files.bytes), files.count)],
        [about.clock, Math.abs(ahead) < 2 ? about.clockSame : about.clockAhead(ahead.toLocaleString(language))],
      ]}
    >
      <div className="about-choices">
        <LanguageChoice />
        <ThemeChoice />
      </div>
      <LettersSwitch />
      <Button variant="outlined" onClick={showHelp}>
        {about.keyboard}
      </Button>
    </Card>
  );
}

function Documents() {
  const about = useAboutWords();
  return (
    <section className="about-card">
      <h2>{about.docs}</h2>
      <p>{about.docsHint}</p>
      <dl>
        {about.docList.map(([file, what]) => (
          <div key={file}>
            <dt className="mono">{file}</dt>
            <dd>{what}</dd>
          </div>
        ))}
        <div>
          <dt>{about.raw}</dt>
          <dd>
            {["/api/agent", "/api/me", "/metrics"].map((path) => (
              <a key={path} className="mono" href={path} target="_blank" rel="noreferrer">
                {path}
              </a>
            ))}
          </dd>
        </div>
      </dl>
      <h2>{about.licences}</h2>
      <p className="dim">{about.licencesHint}</p>
    </section>
  );
}

/** What serves the page, what the page is, and who looks at it. */
export default function AboutPage() {
  const { words } = useSpoken();
  const me = useMe();
  const agent = useAgent();
  return (
    <div className="pad steady">
      <h1>{words.nav.about}</h1>
      {agent.error !== null && agent.data !== undefined && <Alert severity="warning">{agent.error.message}</Alert>}
      <div className="about">
        {me !== undefined && <You me={me} />}
        <Page />
        {agent.data === undefined && (agent.error === null ? <Waiting text={words.shell.connectingTo} /> : <Trouble error={agent.error} retry={() => void agent.refetch()} />)}
        {agent.data !== undefined && (
          <>
            <Observer agent={agent.data} />
            <View view={agent.data.view} />
            <Registry registry={agent.data.registry} />
          </>
        )}
        <Documents />
      </div>
    </div>
  );
}
