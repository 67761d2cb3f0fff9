const paths = {
  cluster: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.500M12 12v9M12 12L4 7.500",
  deployment: "M4 14l8 4 8-4M4 10l8 4 8-4-8-4z",
  volume:
    "M4 6c0-1.700 3.600-3 8-3s8 1.300 8 3-3.600 3-8 3-8-1.300-8-3zM4 6v12c0 1.700 3.600 3 8 3s8-1.300 8-3V6M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3",
  snapshot: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.500a3.500 3.500 0 100-7 3.500 3.500 0 000 7z",
  address: "M12 21a9 9 0 100-18 9 9 0 000 18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  members:
    "M9 11a3.500 3.500 0 100-7 3.500 3.500 0 000 7zM2.500 20c.5-4 3-6 6.500-6s6 2 6.500 6M16 4.300a3.500 3.500 0 010 6.400M18 14.500c2 .8 3.200 2.700 3.500 5.500",
  token: "M15 9.500a5 5 0 11-1.600-3.700M14.500 8.500L21 15v4h-4v-3h-3v-3l-1.800-1.300",
  usage: "M4 20V10M10 20V4M16 20v-8M21 20H3",
  invoice: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h6M9 16h6",
  audit: "M5 4h14v16H5zM8 8h8M8 12h8M8 16h5",
  status: "M3 12h4l3-8 4 16 3-8h4",
  plus: "M12 5v14M5 12h14",
  search: "M11 18a7 7 0 100-14 7 7 0 000 14zM16 16l5 5",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  alert: "M12 4l9 16H3zM12 10v4M12 17v.1",
  clock: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3 2",
  busy: "M12 3a9 9 0 109 9",
  minus: "M6 12h12",
  pause: "M9 6v12M15 6v12",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M4 20h16",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  dots: "M12 6v.1M12 12v.1M12 18v.1",
  chevron: "M9 6l6 6-6 6",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  refresh: "M20 11a8 8 0 10-2.300 6.500M20 5v6h-6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  sun: "M12 16a4 4 0 100-8 4 4 0 000 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500L19 19M5 19l1.500-1.500M17.500 6.500L19 5",
  moon: "M20 14.500A8.500 8.500 0 019.500 4 8.500 8.500 0 1020 14.500z",
  auto: "M12 21a9 9 0 100-18 9 9 0 000 18zM12 3v18M15 6v12M18 8.500v7",
  user: "M12 12a4 4 0 100-8 4 4 0 000 8zM4 21c.6-4.500 3.500-7 8-7s7.400 2.500 8 7",
  exit: "M14 4H5v16h9M10 12h11M17.500 8.500L21 12l-3.500 3.500",
  keyboard: "M3 6h18v12H3zM7 10v.1M11 10v.1M15 10v.1M17 10v.1M8 14h8",
  wrench: "M14 7a4 4 0 015-4l-2.500 3 .5 2 2 .5 3-2.500a4 4 0 01-5.500 4.500L7 20l-3-3 9.500-9.500",
  eye: "M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7zM12 15a3 3 0 100-6 3 3 0 000 6z",
  link: "M10 14l4-4M8 12l-2.500 2.500a3.500 3.500 0 005 5L13 17M16 12l2.500-2.500a3.500 3.500 0 00-5-5L11 7",
  terminal: "M4 5h16v14H4zM7 9l3 3-3 3M12 15h5",
} as const satisfies Record<string, string>;

/** The name of a drawing. */
export type IconName = keyof typeof paths;

/** A drawing beside words; screen readers pass it by, so that words must say the same. */
export function Icon({ name, size = 16, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      className={className}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={paths[name]} />
    </svg>
  );
}
