import { addDays, localTime, weekdayOf } from "../../core/local_time.ts";

/** A time in which updates may go on, by the clock on the wall. */
export interface MaintenanceWindow {
  /** Days of the week on which it begins, 0 for Sunday; all of them when absent. */
  readonly days?: readonly number[];
  /** The only date on which it begins, as in `2027-03-28`. */
  readonly date?: string;
  /** First minute of the day, 0 to 1439. */
  readonly from: number;
  /** Minute at which it is over, 1 to 1440; below `from` when it ends on the next day. */
  readonly to: number;
}

/** A window opens within a year, or never. */
const HORIZON_DAYS = 367;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/**
 * Whether one of the windows is open at an instant. It goes by what the clock on the wall shows: a window
 * in the hour that is skipped in spring does not open on that day, and one in the hour that is repeated in
 * autumn opens twice.
 */
export function isOpenAt(
  windows: readonly MaintenanceWindow[],
  atMs: number,
  timeZone: string,
): boolean {
  const { date, minute } = localTime(atMs, timeZone);
  const yesterday = addDays(date, -1);
  return windows.some((window) => {
    const { from, to } = window;
    if (to > from) return beginsOn(window, date) && minute >= from && minute < to;
    return beginsOn(window, date) && minute >= from || beginsOn(window, yesterday) && minute < to;
  });
}

/**
 * When one of the windows is open next, to the minute.
 *
 * @returns Milliseconds since 1970, `atMs` itself when one is open; `undefined` when none opens within a
 * year.
 */
export function nextOpening(
  windows: readonly MaintenanceWindow[],
  atMs: number,
  timeZone: string,
): number | undefined {
  if (isOpenAt(windows, atMs, timeZone)) return atMs;
  const firstMinute = Math.ceil(atMs / MINUTE_MS) * MINUTE_MS;
  // In steps of a day that overlap a little, for days of 23 hours.
  for (let day = 0; day <= HORIZON_DAYS; day++) {
    const start = firstMinute + day * DAY_MINUTES * MINUTE_MS;
    const { date } = localTime(start, timeZone);
    const dates = [addDays(date, -1), date, addDays(date, 1)];
    if (!windows.some((window) => dates.some((each) => beginsOn(window, each)))) continue;
    for (let minute = 0; minute < DAY_MINUTES; minute++) {
      const at = start + minute * MINUTE_MS;
      if (isOpenAt(windows, at, timeZone)) return at;
    }
  }
  return undefined;
}

function beginsOn({ days, date: only }: MaintenanceWindow, date: string): boolean {
  if (only !== undefined && only !== date) return false;
  return days === undefined || days.includes(weekdayOf(date));
}
