import type { hold as english } from "../en/hold";
import { grouped } from "../time";

export const hold: typeof english = {
  drain: "드레인",
  undrain: "드레인 해제",
  drainOf: (what) => `${what} 드레인`,
  undrainOf: (what) => `${what} 드레인 해제`,
  servers: (count) => `서버 ${count}대`,
  drainHint: "새 플레이어를 받지 않습니다. 접속 중인 인원은 스스로 나가거나 기한이 될 때까지 남습니다.",
  undrainHint: "운영자의 드레인을 해제합니다. 준비되면 다시 플레이어를 받습니다.",
  heldBy: "드레인한 사람",
  noHold: "레코드에 운영자의 드레인이 없습니다.",
  playersThere: (count) => `현재 플레이어 ${grouped(count)}명.`,
  reason: "사유",
  reasonHint: "이 서버를 보는 모든 사람에게 표시됩니다.",
  deadline: "기한",
  deadlines: { "": "서버 설정대로", "0s": "없음: 모두 나갈 때까지", "10m": "10분", "30m": "30분", "1h": "1시간", "2h": "2시간", "8h": "8시간" },
  progress: (done, all) => `${all}대 중 ${done}대 완료`,
  failed: (count) => `서버 ${count}대를 변경하지 못했습니다`,
  asked: (what) => `${what} 요청됨`,
  askedHint: "옵저버가 접수했습니다. 서버의 에이전트가 즉시, 또는 연결되는 대로 따릅니다.",
  again: "실패한 서버 다시 시도",
};
