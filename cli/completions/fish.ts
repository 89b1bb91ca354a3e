import {
  allNodes,
  type CompletionNode,
  type CompletionOption,
  type CompletionValue,
  PROGRAM_PATHS,
} from "./completion_node.ts";

/** A script for fish. */
export function fishCompletions(root: CompletionNode): string {
  const nodes = allNodes(root);
  const [main = "", ...others] = Object.keys(PROGRAM_PATHS);
  const wraps = (name: string): string =>
    `complete -c ${name} -w ${quoted(`${main}${PROGRAM_PATHS[name]}`)}`;
  return `# Completions of mender-deno for fish. Put this in
# /usr/share/fish/vendor_completions.d/mender-deno.fish, or read it with: source FILE

# Whether the line is at this command: values of options are no commands.
function __mender_deno_at
    set -l words (commandline -opc)
    set -l at ''
    set -l before ''
    set -l common ${valued(root).join(" ")}
    set -l valued ${nodes.slice(1).flatMap(valued).join(" ")}
    for word in $words[2..-1]
        if contains -- "$at $before" $valued; or contains -- " $before" $common
            set before $word
            continue
        end
        set before $word
        if contains -- "$at $word" ${
    nodes.filter(({ path }) => path !== "").map(({ path }) => `'${path}'`).join(" ")
  }
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end

complete -c ${main} -f
${nodes.flatMap((node) => nodeLines(main, node)).join("\n")}
${others.map(wraps).join("\n")}
`;
}

/** The options of a node that take a value, with its path in front. */
function valued({ path, options }: CompletionNode): string[] {
  return options.filter(({ value }) => value !== undefined)
    .flatMap(({ names }) => names.map((name) => `'${path} ${name}'`));
}

function nodeLines(program: string, node: CompletionNode): string[] {
  const start = `complete -c ${program} -n ${quoted(`__mender_deno_at '${node.path}'`)}`;
  return [
    ...node.commands.map(({ name, description }) =>
      `${start} -a ${name} -d ${quoted(description)}`
    ),
    ...node.options.map((option) =>
      `${node.path === "" ? `complete -c ${program}` : start} ${optionFlags(option)}`
    ),
    ...(node.argument !== undefined && node.argument.kind !== "anything"
      ? [`${start} ${valueFlags(node.argument)}`]
      : []),
  ];
}

function optionFlags({ names, description, value }: CompletionOption): string {
  const flags = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  return [
    ...flags,
    `-d ${quoted(description)}`,
    ...(value === undefined ? [] : ["-r", valueFlags(value)]),
  ].join(" ").trim();
}

function valueFlags(value: CompletionValue): string {
  switch (value.kind) {
    case "words":
      return `-f -a ${quoted(value.words.join(" "))}`;
    case "file":
      return "-F";
    case "directory":
      return "-f -a '(__fish_complete_directories)'";
    case "anything":
      return "-f";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
