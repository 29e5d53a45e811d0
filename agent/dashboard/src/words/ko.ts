import type { Words } from "./en";
import { hold } from "./ko/hold";
import { server } from "./ko/server";
import { why } from "./ko/why";
import { shell } from "./ko/shell";
import { fleet } from "./ko/fleet";

export const ko: Words = {
  statuses: {
    ready: "정상",
    error: "오류",
    draining: "드레인",
    initializing: "초기화 중",
    shutting_down: "종료 중",
    offline: "연결 끊김",
    unknown: "알 수 없음",
  },
  nav: {
    fleet: "서버 목록",
    drains: "드레인",
    activity: "활동",
    audit: "감사 기록",
    sessions: "세션과 리더",
    keys: "키",
    about: "정보",
    menu: "메뉴",
    skip: "본문으로 건너뛰기",
  },
  shell,
  language: "언어",
  theme: { title: "테마", light: "밝게", dark: "어둡게", system: "시스템 설정" },
  ago: (text) => `${text} 전`,
  inTime: (text) => `${text} 후`,
  units: { s: "초", m: "분", h: "시간", d: "일", gap: "" },
  states: {
    loading: "서버 목록을 불러오는 중…",
    staleTitle: (age) => `레지스트리와 ${age} 동안 연결이 끊겼습니다. 마지막으로 확인된 상태입니다`,
    lostTitle: (age) => `옵저버에서 ${age} 동안 응답이 없습니다. 마지막으로 확인된 상태입니다`,
    lostHint: "페이지가 자동으로 다시 연결합니다.",
    stopping: "옵저버가 종료됩니다. 다시 연결될 때까지 기다립니다.",
    notKnown: "옵저버가 아직 서버 목록을 읽지 못했습니다",
    notKnownHint: "옵저버가 레지스트리에 자동으로 다시 요청합니다. 확인되는 즉시 표시합니다.",
    refusedTitle: "볼 권한이 없습니다",
    newVersion: "옵저버의 버전이 바뀌었습니다.",
    reload: "페이지 새로고침",
    retry: "다시 시도",
    failed: "읽지 못했습니다",
  },
  signIn: {
    title: "로그인",
    token: "토큰",
    hint: "`outrider token add` 명령이 보여 준 토큰입니다.",
    submit: "로그인",
    out: "로그아웃",
    wrong: "알 수 없는 토큰입니다.",
    as: (name, role) => `${name} (${role})`,
    anonymous: "로그인하지 않음",
    roles: { viewer: "조회자", service: "서비스", operator: "운영자", admin: "관리자" },
  },
  common: {
    copy: "복사",
    copied: "복사됨",
    cancel: "취소",
    close: "닫기",
    more: "더 보기",
    none: "–",
    unknown: "알 수 없음",
    takesRole: (role) => `${role} 권한이 필요합니다.`,
  },
  hold,
  server,
  why,
  fleet,
};
