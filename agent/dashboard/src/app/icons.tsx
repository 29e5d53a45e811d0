// The pictures of the navigation. All are decoration: a word stands beside each.
const paths = {
  fleet: "M2.500 3h11v4h-11zM2.500 9h11v4h-11zM5 5h.500M5 11h.500",
  drains: "M8 2v8.500M4.500 7 8 10.500 11.500 7M2.500 13.500h11",
  activity: "M1.500 8.500h3l2-5 3 9 2-4h3",
  more: "M3 8h.500M8 8h.500M13 8h.500",
  person: "M8 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM3 13.500a5 5 0 0 1 10 0",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  folder: "M1.500 4h4.500l1.500 1.500h7v7.500h-13z",
  key: "M6 10a3 3 0 1 1 2.500-4.700h6v2.500h-1.500v2h-2.500v-2h-2A3 3 0 0 1 6 10zM5.800 7h.400",
  back: "M10 3 5 8l5 5",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "more" ? 2.5 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
