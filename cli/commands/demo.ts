import type { CommandContext } from "../command_context.ts";
import { runDemo } from "../demo/run_demo.ts";

/** Plays one whole update on this machine; nothing stays behind unless `keep` is set. */
export async function demo(
  context: CommandContext,
  options: { readonly keep?: true | undefined },
): Promise<number> {
  const { files, self } = context.drivers;
  const root = files.makeTemporaryDirectory("mender-deno-demo-");
  try {
    await runDemo(context.drivers, root, context.signal);
    return 0;
  } finally {
    if (options.keep === true) self.writeOut(`Kept: ${root}\n`);
    else files.removeTree(root);
  }
}
