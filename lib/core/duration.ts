const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const LONGEST_MS = 365 * UNITS.d;

/**
 * Reads a duration as people write it: `90` or `90s`, `15m`, `2h`, `1d`, also `1h30m`.
 *
 * @returns Milliseconds, from one second to a year; `undefined` for anything else.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return inRange(Number(trimmed) * UNITS.s);
  if (!/^(?:\d+[smhd])+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, count, unit] of trimmed.matchAll(/(\d+)([smhd])/g)) {
    total += Number(count) * UNITS[unit as keyof typeof UNITS];
  }
  return inRange(total);
}

/** Writes a duration for people, rounded to what matters: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

function inRange(ms: number): number | undefined {
  return ms >= UNITS.s && ms <= LONGEST_MS ? ms : undefined;
}
