import { Alert, Button } from "@mui/material";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useMe } from "../../app/me";
import { places } from "../../app/places";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import { ApiError, get } from "../../wire/http";
import type { AuditPage as Page, Me } from "../../wire/types";
import { Entries } from "./Entries";
import { Filters } from "./Filters";
import { againIn, askedOf, everything, pathOf, searchOf, type Asked } from "./query";
import { useWords } from "./words";
import "./audit.css";

const PAGE = 100;
const TYPED_MS = 350;

/** The name whose entries alone are seen; null: all are. Without an access file there are no names to tell apart. */
function onlyOf(me: Me | undefined): string | null {
  const shared = me?.name === "anonymous" || me?.name === "token" || me?.proof === "none";
  return me?.role === "operator" && me.name !== null && !shared ? me.name : null;
}

export default function AuditPage() {
  const words = useWords();
  const me = useMe();
  const [asked, ask] = useAsked();
  const settled = useSettled(asked);
  const audit = useInfiniteQuery({
    queryKey: ["audit", settled],
    queryFn: ({ pageParam, signal }) => get<Page>(pathOf(settled, { limit: PAGE, before: pageParam }), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => againIn(query.state.data?.pages.length ?? 0, query.state.error),
    enabled: me?.rights.act === true,
  });
  const pages = audit.data?.pages ?? [];
  const missing = pages.find((page) => !page.complete);
  const only = onlyOf(me);
  const off = audit.error instanceof ApiError && audit.error.code === "audit_off";
  const refused = me?.rights.act === false || (audit.error instanceof ApiError && audit.error.code === "role");

  if (refused || off) {
    return (
      <div className="pad audit">
        <h1>{words.nav.audit}</h1>
        <Alert severity={off ? "info" : "warning"}>{off ? words.audit.off : words.audit.role(words.signIn.roles.operator)}</Alert>
      </div>
    );
  }
  return (
    <div className="pad audit">
      <h1>{words.nav.audit}</h1>
      {only !== null && <p className="audit-own dim">{words.audit.own(only)}</p>}
      <Filters asked={asked} ask={ask} withWho={only === null} />
      {missing !== undefined && (
        <Alert severity="warning">
          {words.audit.incomplete}
          {missing.missing !== undefined && (
            <>
              : <bdi>{missing.missing}</bdi>
            </>
          )}
        </Alert>
      )}
      {audit.error !== null && <Trouble error={audit.error} retry={() => void audit.refetch()} />}
      {audit.isPending && audit.error === null && <Waiting text={words.audit.loading} />}
      {audit.data !== undefined && (
        <>
          <Entries entries={pages.flatMap((page) => page.entries)} old={audit.isPlaceholderData} none={searchOf(settled) === "" ? words.audit.empty : words.audit.none} />
          <div className="audit-end dim">
            {audit.hasNextPage ? (
              <Button variant="outlined" disabled={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
                {words.audit.older}
              </Button>
            ) : (
              pages.some((page) => page.entries.length > 0) && words.audit.end
            )}
          </div>
        </>
      )}
    </div>
  );
}

/** In the address, so that it can be sent to somebody. */
function useAsked(): [Asked, (asked: Asked) => void] {
  const search = useSearch();
  const [, go] = useLocation();
  const asked = useMemo(() => (search === "" ? everything : askedOf(search)), [search]);
  return [
    asked,
    (next) => {
      const text = searchOf(next);
      go(text === "" ? places.audit : `${places.audit}?${text}`, { replace: true });
    },
  ];
}

/** What is asked once nobody types any more. */
function useSettled(asked: Asked): Asked {
  const [settled, settle] = useState(asked);
  useEffect(() => {
    const timer = window.setTimeout(() => settle(asked), TYPED_MS);
    return () => window.clearTimeout(timer);
  }, [asked]);
  return settled;
}
