/**
 * The arguments of the command line, by what either runtime has at hand before anything is loaded. Nothing
 * is imported here: it is for what has to be answered at once.
 */
export function rawArguments(): readonly string[] {
  if ("Deno" in globalThis) return Deno.args;
  const { process } = globalThis as unknown as { process: { argv: readonly string[] } };
  return process.argv.slice(2);
}
