/**
 * Whether a host names this machine whatever a name server says: `localhost`, `::1`, or an address of
 * 127.0.0.0/8 with all four numbers.
 *
 * @param host A name or an address; an IPv6 address with or without brackets.
 */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (bare === "localhost" || bare === "::1") return true;
  const numbers = bare.split(".");
  return numbers.length === 4 && numbers[0] === "127" &&
    numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) <= 255);
}
