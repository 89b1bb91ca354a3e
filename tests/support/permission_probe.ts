/**
 * Tries one thing that a permission set must refuse, named by the arguments, and prints what came of it.
 * Run on Deno alone.
 */
const [kind, what = ""] = Deno.args;

try {
  console.log(`allowed: ${await attempt()}`);
} catch (error) {
  console.log(error instanceof Error ? `${error.name}: ${error.message}` : error);
}

async function attempt(): Promise<unknown> {
  switch (kind) {
    case "read":
      return await Deno.readTextFile(what);
    case "write":
      return await Deno.writeTextFile(what, "");
    case "net":
      return await Deno.connect({ hostname: "127.0.0.2", port: Number(what) });
    case "run":
      return await new Deno.Command(what).output();
    case "env":
      return Deno.env.get(what);
    default:
      throw new TypeError(`no such probe: ${kind}`);
  }
}
