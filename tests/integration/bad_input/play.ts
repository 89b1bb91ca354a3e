import { generateKeyPairSync } from "node:crypto";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { type ClientRig, withRig } from "../../support/client_rig.ts";
import { runHere } from "../../support/command_here.ts";
import type { CommandEnd } from "../../support/installed_command.ts";
import { withServer } from "../../support/with_server.ts";
import type { BadInput, BadInputChapter, BadInputRow } from "./bad_input.ts";

/** One for all: to make an RSA key for each row would take longer than the row. */
const DEVICE_KEY = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "pkcs8", format: "pem" });

/** Deployment in the lock of every device whose outcome is to be reported. */
export const LOCKED_ID = "0f0f0f0f-1111";

/** A bus is given little time, and its library may have to be loaded first. */
export const inRealTime: BadInput["drivers"] = (drivers) => ({ ...drivers, clock: systemClock });

/** How a row went. */
export interface Played {
  readonly end: CommandEnd;
  /** What was said on standard error, as the page has it. */
  readonly text: string;
}

/** Plays one row on a device of its own, with a server that accepts every device. */
export function play(
  input: BadInput,
  [line]: BadInputRow,
  run: (rig: ClientRig, args: readonly string[]) => Promise<CommandEnd> = runInput(input),
): Promise<Played> {
  return withServer({ autoAccept: true }, async (server) => {
    input.server?.(server);
    const { config, identity } = input;
    const options = {
      serverUrl: server.url,
      ...(config && { config }),
      ...(identity !== undefined && { identity }),
    };
    return await withRig(options, async (rig) => {
      rig.write(rig.paths.key, DEVICE_KEY, 0o600);
      if (/\breport\b/.test(line)) rig.write(rig.paths.lock, LOCKED_ID);
      input.arrange?.(rig);
      const args = line.split(" ").filter((word) => word !== "")
        .map((word) => word.replaceAll("{root}", rig.root));
      const end = await run(rig, args);
      input.kept?.(rig);
      return { end, text: shownText(end.stderr, rig.root) };
    });
  });
}

function runInput(input: BadInput) {
  return (rig: ClientRig, args: readonly string[]): Promise<CommandEnd> =>
    runHere(["--root", rig.root, ...args], {
      input: input.stdin,
      env: input.env,
      drivers: (drivers) => input.drivers?.(drivers, rig) ?? drivers,
    });
}

/** How the page names a row. */
export function rowName({ input, before }: BadInput, [line]: BadInputRow): [string, string] {
  const shown = line.replaceAll("{root}/", "/").replaceAll("{root}", "/");
  return [input, before === undefined ? shown : `${before} ${shown}`];
}

/** Every row with its input. */
export function rowsOf(chapter: BadInputChapter): [BadInput, BadInputRow][] {
  return chapter.inputs.flatMap((input) =>
    input.rows.map((row): [BadInput, BadInputRow] => [input, row])
  );
}

/**
 * What is said, without what is different each time: the error and its hint, or the warnings of the log. What
 * only informs is left out.
 */
function shownText(stderr: string, root: string): string {
  const lines = stderr.replaceAll(`${root}/`, "/").replaceAll(root, "/").split("\n").filter((
    line,
  ) => line.trim() !== "")
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, ""))
    .filter((line) => !/^(?:INFO|DEBUG|TRACE) /.test(line))
    .map((line) => line.trim());
  return lines.join(" / ")
    // Causes in the words of a runtime.
    .replace(/: (?:The encoded data|E[A-Z]{3,}:) .*?(?= code=| hint=| \/ |$)/g, "")
    .replace(/: [^:]* \(os error \d+\).*?(?= code=| hint=| \/ |$)/g, "")
    .replace(/(?<=it is no JSON: ).*?(?= code=)/g, "…")
    .replace(/ next_attempt_seconds=[\d.]+/g, "")
    .replace(/(127\.0\.0\.1):\d+/g, "$1:…")
    .replace(/(user|uid) \d+/g, "$1 …")
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "…");
}
