/** Examples that help shows, without the name of the program, by the words of the command. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  "": "daemon",
  "bootstrap": "bootstrap",
  "daemon": "daemon --stay",
  "report": 'report --failure --message "no space on /dev/mmcblk0p3"',
  "terminal": "terminal",
  "status": "status --json",
  "check-update": "check-update",
  "send-inventory": "send-inventory",
  "show-artifact": "show-artifact",
  "show-provides": "show-provides",
  "check-config": "check-config /etc/mender/mender.conf",
  "verify": "verify release-2.mender --key artifact-verify-key.pem",
  "serve": "serve --listen 127.0.0.1:8181 --dir trial --auto-accept",
  "setup": "setup --server-url https://mender.example.com --dry-run",
  "permissions": "permissions daemon",
  "completions": "completions bash",
  "demo": "demo",
  "flow": "flow set --install pause --for 2h",
  "flow menu": "flow menu --clear-on-exit",
  "flow set": "flow set --install pause --for 2h --clear-on-exit",
  "flow clear": "flow clear",
  "flow wait": "flow wait ArtifactReboot_Enter",
  "flow check": "flow check map.json",
};

/** What stands below the help of a command; empty where there is no example. */
export function exampleText(words: readonly string[]): string {
  const example = EXAMPLES[words.join(" ")];
  return example === undefined ? "" : `\nExample:\n  $ mender-deno ${example}`;
}
