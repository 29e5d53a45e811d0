import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { announce } from "../../app/Announcer";
import { Parts } from "../../parts/Parts";
import { serverPath } from "../../wire/holds";
import { ApiError, get, segment } from "../../wire/http";
import type { Command } from "../../wire/types";
import { useWords } from "../../words/use";

const KEPT = 5;
const POLL_MS = 700;
const statuses = { queued: "initializing", delivered: "draining", ok: "ready", error: "error", expired: "unknown" } as const;
const isOpen = (command: Command) => command.state === "queued" || command.state === "delivered";

export interface SentCommands {
  list: Command[];
  add(command: Command): void;
  forget(id: string): void;
}

/** The commands that were sent from this drawer, the newest first. */
export function useCommands(): SentCommands {
  const [list, setList] = useState<Command[]>([]);
  return {
    list,
    add: (command) => setList((before) => [command, ...before.filter(({ id }) => id !== command.id)].slice(0, KEPT)),
    forget: (id) => setList((before) => before.filter((each) => each.id !== id)),
  };
}

function useOutcome(sent: Command): { command: Command; lost: boolean; heard: boolean } {
  const heard = useRef(false);
  const { data, error } = useQuery<Command, ApiError>({
    queryKey: ["command", sent.id],
    queryFn: ({ signal }) => get<Command>(`${serverPath(`${sent.type}/${sent.server}`)}/commands/${segment(sent.id)}`, signal),
    initialData: sent,
    initialDataUpdatedAt: 0,
    refetchInterval: (query) => (query.state.error?.code === "no_such_command" || (query.state.data !== undefined && !isOpen(query.state.data)) ? false : POLL_MS),
    refetchOnWindowFocus: false,
    staleTime: (query) => (query.state.data !== undefined && !isOpen(query.state.data) ? Infinity : 0),
  });
  heard.current ||= data.state === "delivered";
  return { command: data, lost: error?.code === "no_such_command" && isOpen(data), heard: heard.current };
}

function Sent({ sent, forget }: { sent: Command; forget(): void }) {
  const words = useWords();
  const texts = words.server.commands;
  const { command, lost, heard } = useOutcome(sent);
  const outcome = lost ? texts.lost : texts.said(command.name, texts.states[command.state], command.text ?? "");
  const before = useRef(outcome);
  useEffect(() => {
    if (before.current !== outcome) {
      before.current = outcome;
      announce(outcome);
    }
  }, [outcome]);
  const hint = lost ? texts.lost : command.state === "expired" && heard ? texts.expiredHeard : texts.hints[command.state];
  return (
    <li>
      <div className="sent-line">
        <span className="status" data-status={lost ? "unknown" : statuses[command.state]}>
          {texts.states[command.state]}
        </span>
        <bdi className="mono sent-name" title={command.args === "" ? command.name : `${command.name} ${command.args}`}>
          {command.name} <span className="dim">{command.args}</span>
        </bdi>
        {isOpen(command) && !lost && (
          <small className="dim sent-left">
            <Parts parts={[texts.until(), { until: Date.parse(command.until) }]} />
          </small>
        )}
        <button type="button" className="copy" onClick={forget} aria-label={`${texts.forget}: ${command.name}`} title={texts.forget}>
          <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.500" strokeLinecap="round" aria-hidden="true">
            <path d="M4.500 4.500l7 7M11.500 4.500l-7 7" />
          </svg>
        </button>
      </div>
      {command.text ? (
        <bdi className="sent-text">{command.text}</bdi>
      ) : (
        hint !== "" && <span className="sent-text dim">{hint}</span>
      )}
    </li>
  );
}

export function Commands({ commands }: { commands: SentCommands }) {
  const words = useWords();
  return commands.list.length === 0 ? null : (
    <section className="sent" aria-label={words.server.commands.list}>
      <ul>
        {commands.list.map((each) => (
          <Sent key={each.id} sent={each} forget={() => commands.forget(each.id)} />
        ))}
      </ul>
    </section>
  );
}
