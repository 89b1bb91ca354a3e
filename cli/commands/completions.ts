import type { CommandContext } from "../command_context.ts";
import type { TreeCommand } from "../command_line.ts";
import { bashCompletions } from "../completions/bash.ts";
import { completionNode } from "../completions/completion_node.ts";
import { fishCompletions } from "../completions/fish.ts";
import { zshCompletions } from "../completions/zsh.ts";

/** Shells whose completions can be printed. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

const SCRIPTS = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions };

/** Prints the completions for a shell, as a script that it reads. */
export function completions(
  { drivers }: CommandContext,
  shell: typeof SHELLS[number],
  tree: TreeCommand,
): number {
  drivers.self.writeOut(SCRIPTS[shell](completionNode(tree)));
  return 0;
}
