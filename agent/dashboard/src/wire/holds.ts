import type { Key } from "../fleet/row";
import { change, segment } from "./http";
import { newIdempotencyKey } from "./idempotency";
import type { HoldAnswer } from "./types";

export type HoldChange = "drain" | "undrain";

export interface HoldWish {
  change: HoldChange;
  reason?: string;
  /** As "30m"; absent: as the server's own configuration has it. */
  deadline?: string;
}

export function serverPath(key: Key): string {
  const slash = key.indexOf("/");
  return `/api/services/${segment(key.slice(0, slash))}/${segment(key.slice(slash + 1))}`;
}

export function changeHold(key: Key, wish: HoldWish): Promise<HoldAnswer> {
  const body = wish.change === "undrain" ? {} : { ...(wish.reason ? { reason: wish.reason } : {}), ...(wish.deadline ? { deadline: wish.deadline } : {}) };
  return change<HoldAnswer>(`${serverPath(key)}/${wish.change}`, { body, idempotencyKey: newIdempotencyKey() });
}

export interface HoldProgress {
  done: Key[];
  failed: { key: Key; message: string }[];
  left: number;
}

const AT_ONCE = 4;

/** One server after another, a few at once; `told` hears of each step. A failure of one does not keep the others. */
export async function changeHolds(keys: readonly Key[], wish: HoldWish, told: (progress: HoldProgress) => void): Promise<HoldProgress> {
  const queue = [...keys];
  const progress: HoldProgress = { done: [], failed: [], left: keys.length };
  const work = async () => {
    for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
      try {
        await changeHold(key, wish);
        progress.done.push(key);
      } catch (error) {
        progress.failed.push({ key, message: error instanceof Error ? error.message : String(error) });
      }
      progress.left--;
      told({ ...progress, done: [...progress.done], failed: [...progress.failed] });
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, keys.length) }, work));
  return progress;
}
