/** Completions in the real shells, bash without its bash-completion package among them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { runInstalled } from "../support/installed_command.ts";
import { peer } from "../support/peers.ts";
import { PseudoTerminal, terminalPeer } from "../support/pseudo_terminal.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { writeFileSync } from "node:fs";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const peers = {
  bash: peer("bash", "apt-get install bash"),
  zsh: peer("zsh", "apt-get install zsh"),
  fish: peer("fish", "apt-get install fish"),
};
type Shell = keyof typeof peers;

/** What is typed, and the word that it must be completed to. */
const rows: readonly (readonly [line: string, word: string])[] = [
  ["mender-deno dae", "daemon"],
  ["mender-deno show-a", "show-artifact"],
  ["mender-deno daemon --onc", "--once"],
  ["mender-deno daemon --log-fo", "--log-format"],
  ["mender-deno --log-format js", "json"],
  ["mender-deno --root /somewhere/daemon repo", "report"],
  ["mender-deno -c flow report --fail", "--failure"],
  ["mender-deno report --status reb", "rebooting"],
  ["mender-deno flow se", "set"],
  ["mender-deno flow set --install force", "force_continue"],
  ["mender-deno flow check --js", "--json"],
  ["mender-python-client show-p", "show-provides"],
  ["mender-update-flow-control cle", "clear"],
  ["mender-deno completions zs", "zsh"],
  ["mender-deno verify FOLDER/an-arti", "FOLDER/an-artifact.mender"],
  ["mender-deno serve --dir FOLDER/a-dir", "FOLDER/a-directory/"],
];

/** A folder with the script of a shell, and something to complete paths to. */
function withScript(
  shell: Shell,
  body: (folder: string, script: string) => void | Promise<void>,
): Promise<void> {
  return inTemporaryDirectory(async (folder) => {
    const { code, stdout, stderr } = await runInstalled(["completions", shell]);
    assert.equal(code, 0, stderr);
    const script = join(folder, `script.${shell}`);
    writeFileSync(script, stdout);
    writeFileSync(join(folder, "an-artifact.mender"), "");
    spawnSync("mkdir", [join(folder, "a-directory")]);
    await body(folder, script);
  });
}

test(
  "bash without the bash-completion package completes commands, options and values",
  () =>
    withScript("bash", (folder, script) => {
      for (const [line, word] of rows) {
        const words = line.replace("FOLDER", folder).split(" ");
        const { stdout, stderr } = spawnSync("bash", [
          ...["--norc", "--noprofile", "-u", "-c"],
          'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mender_deno; ' +
          'printf "%s\\n" "${COMPREPLY[@]}"',
          script,
          ...words,
        ], { encoding: "utf8", env: { PATH: process.env.PATH } });
        assert.equal(
          stdout.trim(),
          word.replace("FOLDER", folder).replace(/\/$/, ""),
          line + stderr,
        );
      }
    }),
  peers.bash,
);

test("fish completes commands, options and values", () =>
  withScript("fish", (folder, script) => {
    for (const [line, word] of rows) {
      const { stdout, stderr } = spawnSync(
        "fish",
        [
          "--no-config",
          "-c",
          `source ${script}; complete -C ${JSON.stringify(line.replace("FOLDER", folder))}`,
        ],
        { encoding: "utf8", env: { PATH: process.env.PATH, HOME: folder } },
      );
      const found = stdout.trim().split("\n").map((text) => text.split("\t")[0]);
      assert.deepEqual(found, [word.replace("FOLDER", folder)], line + stderr);
    }
  }), peers.fish);

const PROMPT = "next> ";

/** How a shell is started without any configuration, and made to read the script. */
const STARTS: Readonly<Record<"bash" | "zsh", (folder: string, script: string) => string[]>> = {
  bash: (folder, script) => {
    writeFileSync(join(folder, "rc"), `PS1='${PROMPT}'\nsource ${script}\n`);
    return ["bash", "--noprofile", "--rcfile", join(folder, "rc"), "-i"];
  },
  zsh: () => ["zsh", "-f", "-i"],
};

for (const shell of ["bash", "zsh"] as const) {
  test(`${shell} completes at a terminal`, () =>
    withScript(shell, async (folder, script) => {
      const env = { PATH: process.env.PATH, HOME: folder, TERM: "dumb", PROMPT };
      const terminal = new PseudoTerminal(STARTS[shell](folder, script), env);
      // What is typed before the shell asks for it may be lost.
      const asked = async (text: string): Promise<void> => {
        const said = `${text} and a prompt in ${JSON.stringify(terminal.output.slice(-2000))}`;
        await waitUntil(said, () => {
          const at = terminal.output.indexOf(text);
          return at >= 0 && terminal.output.indexOf(PROMPT, at) > 0;
        }, 30_000);
      };
      try {
        await asked("");
        if (shell === "zsh") {
          terminal.type(
            `autoload -Uz compinit && compinit -u -d ${folder}/dump; source ${script}\r`,
          );
        }
        terminal.type("echo is-ready-$((1+1))\r");
        await asked("is-ready-2");
        for (const [at, [line, word]] of rows.entries()) {
          // The line is not run: it becomes an argument of echo, which shows what it was completed to.
          terminal.type(`${line.replace("FOLDER", folder)}\t\x01echo "row-${at}: \x05"\r`);
          const completed = `${line.replace(/\S+$/, "")}${word.replace(/\/$/, "")}`;
          await asked(`\nrow-${at}: ${completed}`.replace("FOLDER", folder));
        }
      } finally {
        await terminal.close();
      }
    }), terminalPeer.skip === undefined ? peers[shell] : terminalPeer);
}

test("completions refuses a shell that it does not know", async () => {
  const { code, stderr } = await runInstalled(["completions", "tcsh"]);
  assert.equal(code, 2);
  assert.match(stderr, /wanted one of bash, zsh, fish, found 'tcsh'/);
});
