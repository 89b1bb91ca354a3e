import {
  allNodes,
  casePattern,
  type CompletionNode,
  type CompletionValue,
  PROGRAM_PATHS,
} from "./completion_node.ts";

/** A script for zsh: a file on its `fpath`, or to be read after `compinit`. */
export function zshCompletions(root: CompletionNode): string {
  const nodes = allNodes(root);
  return `#compdef ${Object.keys(PROGRAM_PATHS).join(" ")}
# Completions of mender-deno for zsh. Put this on the fpath as _mender-deno, or read it after compinit.
_mender_deno() {
  local cur=$words[CURRENT] path_="" before="" word i
  local -a found common
  common=(${described(root)})
  case \${words[1]:t} in
${
    Object.entries(PROGRAM_PATHS).filter(([, path]) => path !== "")
      .map(([name, path]) => `    ${name}) path_="${path}" ;;`).join("\n")
  }
  esac
  # Which command it is: values of options are no commands.
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case "$path_ $before" in
${valueCases(nodes, () => "before=$word; continue")}
    esac
    before=$word
    case "$path_ $word" in
${
    nodes.filter(({ path }) => path !== "")
      .map(({ path }) => `      "${path}") path_="${path}" ;;`).join("\n")
  }
    esac
  done
  if [[ $cur == --*=* ]]; then
    before=\${cur%%=*}
    compset -P '*='
  fi
  case "$path_ $before" in
${valueCases(nodes, (value) => `${reply(value)}; return`)}
  esac
  case "$path_" in
${nodes.map((node) => nodeCase(node)).join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _mender_deno "$@"
else
  compdef _mender_deno ${Object.keys(PROGRAM_PATHS).join(" ")}
fi
`;
}

function valueCases(
  nodes: readonly CompletionNode[],
  action: (value: CompletionValue) => string,
): string {
  const lines = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined
        ? []
        : [`      ${names.map((name) => casePattern(path, name)).join(" | ")}) ${action(value)} ;;`]
    )
  );
  return lines.join("\n");
}

function nodeCase(node: CompletionNode): string {
  const { path, commands, argument } = node;
  const words = commands.map(({ name, description }) => item(name, description));
  const rest = words.length > 0
    ? `found=(${words.join(" ")}); _describe command found`
    : argument
    ? reply(argument)
    : ":";
  return `    "${path}")
      if [[ $cur == -* ]]; then
        found=($common ${path === "" ? "" : described(node)}); _describe option found
      else
        ${rest}
      fi
      ;;`;
}

/** The options of a node with their descriptions. */
function described({ options }: CompletionNode): string {
  return options.flatMap(({ names, description }) => names.map((name) => item(name, description)))
    .join(" ");
}

function item(name: string, description: string): string {
  return `'${name}:${description.replaceAll("'", "'\\''").replaceAll(":", "\\:")}'`;
}

function reply(value: CompletionValue): string {
  switch (value.kind) {
    case "words":
      return `compadd -- ${value.words.join(" ")}`;
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "anything":
      return ":";
  }
}
