/** What the clock on the wall shows. */
export interface LocalTime {
  /** Date, as in `2027-03-28`. */
  readonly date: string;
  /** Day of the week, 0 for Sunday. */
  readonly weekday: number;
  /** Minutes since midnight by the clock on the wall, 0 to 1439. */
  readonly minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether there is a time zone of this name, as in `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false; // a RangeError: that is how Intl says no
  }
}

/**
 * What the clock on the wall shows at an instant, summer time included: of the hour that is skipped in
 * spring there is nothing, the one that is repeated in autumn comes twice.
 *
 * @param atMs Milliseconds since 1970.
 * @param timeZone As in `Europe/Berlin`.
 * @throws {RangeError} There is no such time zone.
 */
export function localTime(atMs: number, timeZone: string): LocalTime {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(atMs)) parts[type] = value;
  const { year = "", month = "", day = "", hour = "", minute = "" } = parts;
  const date = `${year.padStart(4, "0")}-${month}-${day}`;
  return {
    date,
    weekday: weekdayOf(date),
    minute: Number(hour) * 60 + Number(minute),
  };
}

/** The date a number of days later. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Day of the week of a date, 0 for Sunday. */
export function weekdayOf(date: string): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay();
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
    formats.set(timeZone, format);
  }
  return format;
}
