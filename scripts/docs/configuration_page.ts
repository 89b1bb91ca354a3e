import type { KeySpec } from "../../lib/config/key_spec.ts";
import { CONNECT_KEYS, MENDER_KEYS } from "../../lib/config/keys_table.ts";
import { wellKnownPaths } from "../../lib/config/mod.ts";
import { filledText } from "./filled_text.ts";
import { markdownTable } from "./markdown_table.ts";

const PATHS = wellKnownPaths();

/** The text of `docs/configuration.md`: every key that the table of the code knows. */
export function configurationPage(): string {
  return [
    "# Configuration",
    "<!-- Written by scripts/write_docs.ts from lib/config/keys_table.ts; change it there. -->",
    filledText(
      `Two JSON files make the configuration: \`${PATHS.mainConfig}\` (main) and
      \`${PATHS.fallbackConfig}\` (fallback). They are merged key by key, nested objects by their inner
      keys, lists as a whole; the main file wins. Neither has to exist, but a server must be named in
      one of them. \`--config\`, \`--fallback-config\` and \`--data\` name other files.`,
    ),
    [
      'A dot in a name stands for nesting: `HttpsClient.Key` is `{ "HttpsClient": { "Key": "…" } }`.',
      `\`""\`, \`null\` and an empty list mean that a key is not set. An interval of 0 means the default.`,
      "A key that is not known has no effect, and is warned about. A value of the wrong type is an error.",
      "The files are read when a command starts, and by a daemon at SIGHUP. A good configuration takes " +
      "effect when the deployment in progress, if any, is handed over; a bad one changes nothing, and " +
      "the log has the reason. A server that the daemon has no right to reach is such a reason.",
    ].map((item) => filledText(`- ${item}`, "  ")).join("\n"),
    filledText(
      `\`check-config\` prints what is in effect, where each value comes from, and what is wrong.`,
    ),
    "## mender.conf",
    keysTable(MENDER_KEYS),
    filledText(
      `\`UpdatePollIntervalSeconds\`, \`InventoryPollIntervalSeconds\` and
      \`RetryPollIntervalSeconds\` were 5 seconds in mender-python-client when a file did not set them.
      \`ServerURL\` and \`Servers\` exclude each other, and so do \`ArtifactVerifyKey\` and
      \`ArtifactVerifyKeys\`. Keys in hardware (\`pkcs11:\` addresses and \`SSLEngine\`) are refused.`,
    ),
    filledText(
      `These keys belong to other Mender clients; they may stand in the file, and have no effect here:
      ${ineffective(MENDER_KEYS)}.`,
    ),
    "### Several servers",
    filledText(
      `\`Servers\` are asked in their order. The first that lets the device in serves all further calls,
      until the next authentication, which begins with the first again: when the token is not taken any
      more, when the server is lost or answers 502, 503 or 504, and at a start. When none lets it in,
      the message has the reason of each.`,
    ),
    "### When the server is asked",
    filledText(
      `Of a fleet that starts at once, or has lost its server for a while, every device comes at a moment
      of its own. The first contact after a start waits for a random time, at most
      \`FirstContactSpreadSeconds\` and at most a tenth of \`UpdatePollIntervalSeconds\`: 20 s for a fleet
      that polls every half hour, half a second for a device that polls every 5 s. \`daemon --once\`, and
      a daemon that has a deployment to settle, do not wait; \`check-update\` ends the wait.`,
    ),
    filledText(
      `Each interval is shortened by up to a tenth, each of the growing waits after a failure (1.5 s,
      3 s, 6 s … up to \`RetryPollIntervalSeconds\` or the interval of the task, whichever is shorter) by
      up to a half, at random; a wait that the server asks for (\`Retry-After\`) is lengthened by up to a
      tenth. No interval is longer than configured.`,
    ),
    "## Environment",
    filledText(
      `\`HTTPS_PROXY\` and \`HTTP_PROXY\` name the proxies for https and http addresses, as
      \`http://host:port\` or \`http://user:password@host:port\` (special characters as \`%40\`);
      \`ALL_PROXY\` stands in for one that is not set. \`NO_PROXY\` lists, with commas or blanks, what
      is reached directly: \`example.com\` (with all hosts below it), \`.example.com\` (only those),
      \`10.0.0.0/8\`, \`example.com:8443\`, \`*\`. This machine always is. Lower case works too; of two
      spellings the upper one counts. SOCKS proxies are refused.`,
    ),
    filledText(
      `\`SSL_CERT_FILE\` names the certificates that the system trusts; otherwise they are those of
      \`${PATHS.systemCaBundle}\`.`,
    ),
    "## mender-connect.conf",
    filledText(
      `\`${PATHS.connectConfig}\` (main) and \`${PATHS.connectFallbackConfig}\` (fallback) say what
      \`terminal\` offers; [Remote terminal](remote_terminal.md) explains it. Nothing is offered unless
      a file asks for it.`,
    ),
    keysTable(CONNECT_KEYS),
    filledText(
      `These keys may stand in the file, and have no effect here: ${ineffective(CONNECT_KEYS)}.`,
    ),
  ].join("\n\n") + "\n";
}

function isEffective(spec: KeySpec): boolean {
  return spec.use !== "known";
}

function keysTable(specs: readonly KeySpec[]): string {
  return markdownTable(
    ["Key", "Holds", "Default", "Meaning"],
    specs.filter(isEffective).map((spec) => [
      `\`${spec.name}\``,
      kindText(spec),
      defaultText(spec),
      spec.meaning + (spec.use === "own" ? " (of mender-deno alone)" : ""),
    ]),
  );
}

function kindText(spec: KeySpec): string {
  switch (spec.kind) {
    case "text":
      return "text";
    case "path":
      return "path";
    case "url":
      return "http or https address";
    case "flag":
      return "`true` or `false`";
    case "looseFlag":
      return "`true` or `false`, also as text";
    case "seconds":
      return "seconds, 1 to 31536000";
    case "count":
      return `whole number from ${spec.least ?? 0}`;
    case "texts":
      return "list of texts";
    case "paths":
      return "list of paths";
    case "servers":
      return 'list of `{ "ServerURL": "…" }`';
    case "choice":
      return (spec.choices ?? []).map((choice) => `\`"${choice}"\``).join(", ");
  }
}

function defaultText(spec: KeySpec): string {
  const { fallback, fallbackPath } = spec;
  if (fallbackPath !== undefined) return `\`${PATHS[fallbackPath]}\``;
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)) {
    return "not set";
  }
  return `\`${JSON.stringify(fallback)}\``;
}

function ineffective(specs: readonly KeySpec[]): string {
  return specs.filter((spec) => !isEffective(spec)).map(({ name }) => `\`${name}\``).join(", ");
}
