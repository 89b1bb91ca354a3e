import { dirname, join } from "../../lib/core/posix_path.ts";
import { RuntimeError, StoreError, UsageError } from "../../lib/core/errors.ts";
import { messageOf } from "../../lib/core/errors.ts";
import { removeDurably, writeFileAtomic } from "../../lib/runtime/files/atomic_file.ts";
import { storeFailure } from "../../lib/store/store_failure.ts";
import type { CommandContext } from "../command_context.ts";
import { type AskedOptions, setupAnswers } from "../setup/answers.ts";
import {
  type EarlierClient,
  giveBack,
  OLD_COMMAND,
  stopHint,
  takeOver,
} from "../setup/earlier_client.ts";
import { isForeign, rootOf, textOf } from "../setup/image.ts";
import { type PlanOptions, setupPlan } from "../setup/plan.ts";
import { MARK, removablePaths, type SetupFile, UNITS } from "../setup/service_files.ts";

/** Options of `setup`. */
export interface SetupOptions extends AskedOptions, PlanOptions {
  readonly from?: EarlierClient | undefined;
  readonly enable?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly uninstall?: true | undefined;
}

/** Longest that systemd may take to enable a unit. */
const SYSTEMCTL_WITHIN_MS = 60_000;

/**
 * Installs what makes the daemon a service of the system: units, policies, the command itself, and the
 * configuration as far as it was given. No unit is enabled unless `--enable` asks for it.
 *
 * @throws {UsageError} `usage.setup`.
 * @throws {StoreError} `store.foreign-file`: a file that is not ours stands in the way; nothing was written.
 */
export async function setup(context: CommandContext, options: SetupOptions): Promise<number> {
  refuseMovedPlaces(context);
  if (options.uninstall === true) return uninstall(context, options.dryRun === true);
  if (options.enable === true && rootOf(context) !== "/") {
    throw new UsageError(
      "usage.setup",
      "Cannot enable a unit of an image: systemd is not running it",
    );
  }
  const { from } = options;
  const answers = await setupAnswers(context, options);
  const plan = await setupPlan(context, answers, {
    ...options,
    ...(from === "python" && { aliases: true }),
  });
  refuseForeignFiles(context, plan.filter(({ path }) => from !== "python" || path !== OLD_COMMAND));
  if (from !== undefined) takeOver(context, from, options.dryRun === true);
  if (options.dryRun === true) {
    for (const file of plan) show(context, file);
    return 0;
  }
  for (const file of plan) write(context, file);
  if (options.enable === true) await enable(context, plan);
  else {
    if (from !== undefined) context.drivers.self.writeOut(stopHint(from));
    hint(context, plan);
  }
  return 0;
}

function uninstall({ drivers, ...context }: CommandContext, isDryRun: boolean): number {
  const { files, self } = drivers;
  let found = 0;
  for (const path of removablePaths()) {
    const place = join(rootOf(context), path);
    const text = textOf({ drivers, ...context }, path);
    if (text === undefined) continue;
    if (!text.includes(MARK)) {
      self.writeError(`Left ${place}: it was not written by setup\n`);
      continue;
    }
    found++;
    if (!isDryRun) removing(place, () => removeDurably(files, place));
    self.writeOut(`${isDryRun ? "Would remove" : "Removed"} ${place}\n`);
  }
  giveBack({ drivers, ...context }, isDryRun);
  self.writeOut(
    found === 0
      ? "Nothing is installed\n"
      : "Configuration, key and state are left in place; stop units that still run\n",
  );
  return 0;
}

/** An image is a tree of default places; a state that lies elsewhere is reached by a link. */
function refuseMovedPlaces({ options: { data, config, fallbackConfig } }: CommandContext): void {
  if ([data, config, fallbackConfig].every((path) => path === undefined)) return;
  throw new UsageError("usage.setup", "Cannot set up other places than the default ones", {
    hint: "Use --root for an image; make /var/lib/mender a link where the state lies elsewhere",
  });
}

function refuseForeignFiles(context: CommandContext, plan: readonly SetupFile[]): void {
  const foreign = plan
    .filter(({ path, isConfiguration }) => isConfiguration !== true && isForeign(context, path))
    .map(({ path }) => join(rootOf(context), path));
  if (foreign.length === 0) return;
  throw new StoreError("store.foreign-file", `Cannot replace ${foreign.join(", ")}: not ours`, {
    hint: "Nothing was written. Move it away, or leave out what needs it",
    retry: "never",
  });
}

function write(context: CommandContext, file: SetupFile): void {
  const { files, self } = context.drivers;
  const place = join(rootOf(context), file.path);
  try {
    const isState = file.path.startsWith("/var/lib/");
    files.makeDirectory(dirname(place), isState ? 0o700 : 0o755);
    writeFileAtomic(files, place, file.content, file.mode);
  } catch (error) {
    throw storeFailure("write", place, error);
  }
  self.writeOut(`Wrote ${place} (${file.purpose})\n`);
}

function show(context: CommandContext, file: SetupFile): void {
  const { drivers: { self }, redactor } = context;
  const place = join(rootOf(context), file.path);
  const text = redactor.redact(file.content).replace(/^/gm, "  ").replace(/ +$/gm, "").trimEnd();
  self.writeOut(`${place} (${file.purpose}, mode ${file.mode.toString(8)})\n${text}\n\n`);
}

async function enable(context: CommandContext, plan: readonly SetupFile[]): Promise<void> {
  const names = unitsOf(plan);
  for (const args of [["daemon-reload"], ["enable", "--now", ...names]]) {
    const { code, stderr } = await context.drivers.processes.run({
      command: "systemctl",
      args,
      timeoutMs: SYSTEMCTL_WITHIN_MS,
      maxOutputBytes: 4096,
      signal: context.signal,
    }).catch((error) => ({ code: 1, stderr: new TextEncoder().encode(messageOf(error)) }));
    if (code === 0) continue;
    const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
    throw new RuntimeError("runtime.systemd", `Cannot enable ${names.join(", ")}: ${said}`);
  }
  context.drivers.self.writeOut(`Enabled and started ${names.join(", ")}\n`);
}

function hint(context: CommandContext, plan: readonly SetupFile[]): void {
  const names = unitsOf(plan).join(" ");
  const isImage = rootOf(context) !== "/";
  const how = isImage ? `systemctl --root=${rootOf(context)} enable` : "systemctl enable --now";
  context.drivers.self.writeOut(`Nothing is started yet: ${how} ${names}\n`);
}

/** The terminal is off until somebody switches it on by its own name. */
function unitsOf(plan: readonly SetupFile[]): string[] {
  return UNITS.filter((unit) =>
    unit !== "mender-deno-terminal.service" && plan.some(({ path }) => path.endsWith(`/${unit}`))
  );
}

function removing(place: string, remove: () => void): void {
  try {
    remove();
  } catch (error) {
    throw storeFailure("remove", place, error);
  }
}
