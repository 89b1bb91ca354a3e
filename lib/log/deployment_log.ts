import { join } from "../core/posix_path.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { jsonLine, type LogSink } from "./record.ts";

/** Logs kept: that of the deployment in progress and of the four before, as the Mender client does. */
const KEPT_LOGS = 5;
/** Size at which the older half of a log is dropped. */
const MAX_LOG_BYTES = 512 * 1024;

const LOG_NAME = /^deployments\.(\d{4})\.([0-9A-Fa-f-]{1,64})\.log$/;

/**
 * The log of one deployment, `deployments.<nnnn>.<id>.log`: one JSON object a line, uploaded when the
 * deployment fails. Number 0001 is the newest.
 *
 * @see configuration section 3 and mender 3.4.0: names and number of logs
 */
export class DeploymentLog {
  readonly #files: FileDriver;
  readonly #path: string;

  private constructor(files: FileDriver, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Opens the log of a deployment; a new one pushes the older ones down and the oldest out. */
  static open(files: FileDriver, directory: string, deploymentId: string): DeploymentLog {
    return DeploymentLog.find(files, directory, deploymentId) ??
      new DeploymentLog(files, makeRoom(files, directory, deploymentId));
  }

  /** The log of a deployment that has one already. */
  static find(
    files: FileDriver,
    directory: string,
    deploymentId: string,
  ): DeploymentLog | undefined {
    const known = logsIn(files, directory).find((log) => log.id === deploymentId);
    return known === undefined ? undefined : new DeploymentLog(files, join(directory, known.name));
  }

  /** A sink that appends each record; the log stays below 512 KiB, its tail is kept. */
  get sink(): LogSink {
    return (record) => this.append(jsonLine(record));
  }

  /** Appends whole lines. */
  append(lines: string): void {
    const handle = this.#files.open(this.#path, "append");
    try {
      handle.write(new TextEncoder().encode(lines));
      if (handle.stat().sizeBytes <= MAX_LOG_BYTES) return;
    } finally {
      handle.close();
    }
    const text = readText(this.#files, this.#path, MAX_LOG_BYTES * 4) ?? "";
    writeFileAtomic(this.#files, this.#path, text.slice(cutOf(text)));
  }

  /** The whole log; empty when nothing was written. */
  read(): string {
    return readText(this.#files, this.#path, MAX_LOG_BYTES * 4) ?? "";
  }
}

/** Where the kept half begins: with a whole line, and never behind the newest one. */
function cutOf(text: string): number {
  const half = Math.floor(text.length / 2);
  const behind = text.indexOf("\n", half) + 1;
  return behind < text.length ? behind : text.lastIndexOf("\n", half) + 1;
}

interface KnownLog {
  readonly name: string;
  readonly number: number;
  readonly id: string;
}

function logsIn(files: FileDriver, directory: string): KnownLog[] {
  const logs: KnownLog[] = [];
  for (const name of files.list(directory)) {
    const match = LOG_NAME.exec(name);
    if (match !== null) logs.push({ name, number: Number(match[1]), id: match[2]! });
  }
  return logs.sort((a, b) => a.number - b.number);
}

function makeRoom(files: FileDriver, directory: string, deploymentId: string): string {
  const logs = logsIn(files, directory);
  for (const log of logs.slice(KEPT_LOGS - 1)) files.remove(join(directory, log.name));
  const kept = logs.slice(0, KEPT_LOGS - 1);
  // From the oldest on, so that no name is taken twice; the ID makes each name unique anyway.
  for (let at = kept.length - 1; at >= 0; at--) {
    const { name, id } = kept[at]!;
    const moved = logName(at + 2, id);
    if (moved !== name) files.rename(join(directory, name), join(directory, moved));
  }
  return join(directory, logName(1, deploymentId));
}

function logName(number: number, id: string): string {
  return `deployments.${String(number).padStart(4, "0")}.${id}.log`;
}
