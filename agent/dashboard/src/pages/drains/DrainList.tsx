import { Alert, Button } from "@mui/material";
import { Link } from "wouter";
import { useMe } from "../../app/me";
import { places } from "../../app/places";
import { Age } from "../../parts/Age";
import { Trouble } from "../../parts/Trouble";
import { Waiting } from "../../parts/Waiting";
import type { ManyDrain } from "../../wire/drains";
import { ApiError } from "../../wire/http";
import { useDrainFeed, useDrains } from "./data";
import { DrainPill } from "./DrainPill";
import { NEW } from "./model";
import { Progress } from "./Progress";
import { useWords } from "./words";

export function DrainList() {
  const words = useWords();
  const may = useMe()?.rights.act === true;
  const drains = useDrains();
  useDrainFeed(null);
  const off = drains.error instanceof ApiError && drains.error.code === "no_drains";
  return (
    <div className="pad drains">
      <div className="drains-head">
        <h1>{words.nav.drains}</h1>
        {!off && (
          <span title={may ? undefined : words.common.takesRole(words.signIn.roles.operator)}>
            {may ? (
              <Button component={Link} href={places.drain(NEW)} variant="contained">
                {words.drains.begin}
              </Button>
            ) : (
              <Button variant="contained" disabled>
                {words.drains.begin}
              </Button>
            )}
          </span>
        )}
      </div>
      {drains.data === undefined && drains.isPending && <Waiting text={words.drains.loading} />}
      {off && <Alert severity="info">{words.drains.off}</Alert>}
      {drains.error !== null && !off && <Trouble error={drains.error} retry={() => void drains.refetch()} />}
      {drains.data?.stale && <Alert severity="warning">{words.drains.stale}</Alert>}
      {drains.data !== undefined && drains.data.unreadable > 0 && <Alert severity="warning">{words.drains.unreadable(drains.data.unreadable)}</Alert>}
      {drains.data !== undefined && <List drains={drains.data.drains} />}
    </div>
  );
}

function List({ drains }: { drains: ManyDrain[] }) {
  const words = useWords();
  if (drains.length === 0) {
    return (
      <div className="drains-empty">
        <strong>{words.drains.empty}</strong>
        <span className="dim">{words.drains.emptyHint}</span>
      </div>
    );
  }
  return (
    <ul className="drains-list">
      {drains.map((drain) => (
        <li key={drain.id}>
          <Link href={places.drain(drain.id)} className="drains-row">
            <DrainPill drain={drain} />
            <span className="drains-what">
              <bdi className="drains-reason" title={drain.reason}>
                {drain.reason || words.drains.noReason}
              </bdi>
              <span className="dim drains-by">
                <bdi title={drain.by}>{drain.by}</bdi>
                {drain.waves > 1 && <span className="num">{words.drains.waveOf(drain.atWave, drain.waves)}</span>}
              </span>
            </span>
            <Progress counts={drain.counts} />
            <span className="drains-age dim">
              <Age at={Date.parse(drain.createdAt)} />
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
