import {
  allNodes,
  casePattern,
  type CompletionNode,
  type CompletionValue,
  PROGRAM_PATHS,
} from "./completion_node.ts";

/** A script for bash 4 or newer; it needs nothing of the bash-completion package. */
export function bashCompletions(root: CompletionNode): string {
  const nodes = allNodes(root);
  return `# Completions of mender-deno for bash. Put this in
# /usr/share/bash-completion/completions/mender-deno, or read it with: source FILE
_mender_deno() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path="" before="" word i
  local common="${root.options.flatMap(({ names }) => names).join(" ")}"
  COMPREPLY=()
  case \${COMP_WORDS[0]##*/} in
${
    Object.entries(PROGRAM_PATHS).filter(([, path]) => path !== "")
      .map(([name, path]) => `    ${name}) path="${path}" ;;`).join("\n")
  }
  esac
  # Which command it is: values of options are no commands.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == "=" ]]; then
      continue
    fi
    case "$path $before" in
${valueCases(nodes, () => "before=$word; continue")}
    esac
    before=$word
    case "$path $word" in
${
    nodes.filter(({ path }) => path !== "")
      .map(({ path }) => `      "${path}") path="${path}" ;;`).join("\n")
  }
    esac
  done
  # "--option=value" comes as three words.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case "$path $prev" in
${valueCases(nodes, (value) => `${reply(value)}; return`)}
  esac
  case "$path" in
${nodes.map((node) => nodeCase(node)).join("\n")}
  esac
}
complete -F _mender_deno ${Object.keys(PROGRAM_PATHS).join(" ")}
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

function nodeCase({ path, options, commands, argument }: CompletionNode): string {
  const own = path === "" ? [] : options;
  const names = own.flatMap((option) => option.names).join(" ");
  const words = commands.map(({ name }) => name);
  return `    "${path}")
      if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$common ${names}" -- "$cur")
      else
        ${words.length > 0 ? reply({ kind: "words", words }) : argument ? reply(argument) : ":"}
      fi
      ;;`;
}

function reply(value: CompletionValue): string {
  switch (value.kind) {
    case "words":
      return `mapfile -t COMPREPLY < <(compgen -W "${value.words.join(" ")}" -- "$cur")`;
    case "anything":
      return ":";
    default: {
      const flag = value.kind === "file" ? "-f" : "-d";
      return `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen ${flag} -- "$cur")`;
    }
  }
}
