import type { DeploymentRecord, DeploymentRecordFile } from "../../store/deployment_record.ts";
import { type Effect, type LifecycleEvent, transition } from "./transition.ts";

/** A deployment and its record on the disk: each step is durable before its effects are known. */
export class DeploymentJournal {
  readonly #file: DeploymentRecordFile;
  #record: DeploymentRecord | undefined;

  /**
   * Takes up a deployment where it stands.
   *
   * @param record As it was read just now.
   */
  constructor(file: DeploymentRecordFile, record: DeploymentRecord | undefined) {
    this.#file = file;
    this.#record = record;
  }

  /** The deployment as it stands. */
  get record(): DeploymentRecord {
    if (this.#record === undefined) throw new TypeError("No deployment has begun");
    return this.#record;
  }

  /**
   * Takes a step, durably.
   *
   * @returns What is to be done now.
   * @throws {StoreError} `store.bad-step`, or it cannot be stored: then nothing has happened.
   */
  take(event: LifecycleEvent): readonly Effect[] {
    const { record, effects } = transition(this.#record, event);
    this.#file.write(record);
    this.#record = record;
    return effects;
  }

  /** Takes a step that is worth no write of its own: it is stored with the next one. */
  note(event: LifecycleEvent): void {
    this.#record = transition(this.#record, event).record;
  }
}
