/** A time in milliseconds since 1970 as RFC 3339 in UTC. */
export function timeText(at: number): string {
  return new Date(at).toISOString();
}
