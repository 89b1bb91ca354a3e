import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { StoreError } from "../../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import { writeFileAtomic } from "../../../runtime/files/atomic_file.ts";
import type { Drivers } from "../../../runtime/drivers.ts";
import { readText } from "../../../runtime/files/file_driver.ts";
import { storeFailure } from "../../../store/store_failure.ts";
import type { ServerState } from "./state.ts";
import { storing } from "./storage_failure.ts";

const MAX_STATE_BYTES = 512 * 1024 * 1024;

/** The state of a server and, when it has a directory, the file that it is kept in. */
export class StateFile {
  /** The state itself; whoever changes it says so by {@link changed}. */
  readonly state: ServerState;
  readonly #drivers: Drivers;
  readonly #path: string | undefined;
  #isChanged = false;

  /**
   * Reads `<directory>/state.json`, or starts anew.
   *
   * @throws {StoreError} `store.bad-state` when the file is not such a state.
   */
  constructor(drivers: Drivers, directory: string | undefined) {
    this.#drivers = drivers;
    this.#path = directory === undefined ? undefined : join(directory, "state.json");
    const text = this.#path === undefined ? undefined : stateText(drivers, this.#path);
    this.state = text === undefined ? freshState(drivers) : parseState(text, this.#path ?? "");
    this.#isChanged = text === undefined;
  }

  /** Notes that the state differs from what was last written. */
  changed(): void {
    this.#isChanged = true;
  }

  /**
   * Writes the state, atomically, when it changed.
   *
   * @throws {ServerRefusal} `server.no-space`; the old file then stands, and the next call tries anew.
   */
  flush(): void {
    if (!this.#isChanged) return;
    if (this.#path !== undefined) {
      const path = this.#path;
      storing(() => writeFileAtomic(this.#drivers.files, path, JSON.stringify(this.state)));
    }
    this.#isChanged = false;
  }
}

function stateText({ files }: Drivers, path: string): string | undefined {
  try {
    return readText(files, path, MAX_STATE_BYTES);
  } catch (error) {
    throw storeFailure("read the state of the server", path, error);
  }
}

function freshState(drivers: Drivers): ServerState {
  return {
    schema: 1,
    secret: randomBytes(32).toString("hex"),
    userId: drivers.random.uuid(),
    linkGeneration: 1,
    tokens: {},
    devices: [],
    artifacts: [],
    deployments: [],
  };
}

function parseState(text: string, path: string): ServerState {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(text);
    if (isState(value)) return value;
  } catch (error) {
    cause = error;
  }
  throw new StoreError("store.bad-state", `Cannot use ${path}: it is no state of this server`, {
    cause,
    hint: "Name another directory, or remove the file to start anew",
    retry: "never",
  });
}

/** Whether every part is there and of the right kind; what is inside the lists is ours to trust. */
function isState(value: unknown): value is ServerState & JsonObject {
  return isJsonObject(value) && value.schema === 1 &&
    typeof value.secret === "string" && /^[0-9a-f]{64}$/.test(value.secret) &&
    typeof value.userId === "string" && Number.isInteger(value.linkGeneration) &&
    isJsonObject(value.tokens) &&
    [value.devices, value.artifacts, value.deployments].every(Array.isArray);
}
