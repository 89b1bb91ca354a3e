import { createHash, type KeyObject } from "node:crypto";
import { type ArtifactDescription, ArtifactReader } from "../../../artifact/mod.ts";
import { messageOf } from "../../../core/errors.ts";
import type { Drivers } from "../../../runtime/drivers.ts";
import type { BodySource } from "../answer.ts";
import { ServerRefusal } from "../refusal.ts";
import { conflictOf } from "./artifact_conflict.ts";
import type { ContentStore } from "./content_store.ts";
import type { ArtifactRecord } from "./state.ts";
import type { StateFile } from "./state_file.ts";

/** What an upload says besides the Artifact itself. */
export interface UploadOptions {
  /** Free text. */
  readonly description?: string | undefined;
  /** ID that the operator wants; default: a new one. */
  readonly id?: string | undefined;
}

/** The uploaded Artifacts. */
export class ArtifactShelf {
  readonly #file: StateFile;
  readonly #drivers: Drivers;
  readonly #content: ContentStore;
  readonly #verifyKeys: readonly KeyObject[];

  /** Works on the Artifacts of a state; with `verifyKeys` only signed ones are taken. */
  constructor(
    file: StateFile,
    drivers: Drivers,
    content: ContentStore,
    verifyKeys: readonly KeyObject[],
  ) {
    this.#file = file;
    this.#drivers = drivers;
    this.#content = content;
    this.#verifyKeys = verifyKeys;
  }

  /** All Artifacts, oldest first. */
  list(): readonly ArtifactRecord[] {
    return this.#file.state.artifacts;
  }

  /** The Artifact of an ID; throws {@link ServerRefusal} `server.not-found`. */
  get(id: string): ArtifactRecord {
    const artifact = this.list().find((known) => known.id === id);
    if (artifact === undefined) throw new ServerRefusal("server.not-found", "artifact not found");
    return artifact;
  }

  /** Opens a part of the bytes of an Artifact. */
  open(artifact: ArtifactRecord, first = 0, length = artifact.sizeBytes): BodySource {
    return this.#content.open(artifact.id, first, length);
  }

  /**
   * Takes in an Artifact while it arrives.
   *
   * @throws {ServerRefusal} `server.bad-request` when it cannot be parsed or verified,
   * `server.conflict` when its name is taken for the same depends, `server.unprocessable` when its ID
   * is, `server.too-large` when there is no room in memory, `server.no-space` when the disk is full.
   */
  async upload(
    source: AsyncIterable<Uint8Array>,
    options: UploadOptions = {},
  ): Promise<ArtifactRecord> {
    const id = options.id ?? this.#drivers.random.uuid();
    if (this.list().some((known) => known.id === id)) {
      throw new ServerRefusal("server.unprocessable", "Artifact with given ID already exists");
    }
    const sink = this.#content.create(id);
    const reader = new ArtifactReader({ verifyKeys: this.#verifyKeys });
    try {
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for await (const chunk of source) {
        await parsing(() => reader.push(chunk));
        sink.write(chunk);
        hash.update(chunk);
        sizeBytes += chunk.length;
      }
      const described = await parsing(() => reader.finish());
      const record: ArtifactRecord = {
        id,
        ...recordParts(described),
        description: options.description ?? "",
        sizeBytes,
        sha256: hash.digest("hex"),
        modifiedAt: this.#drivers.clock.now(),
      };
      this.#refuseConflict(record);
      sink.keep();
      this.#add(record);
      return record;
    } finally {
      reader.abandon();
      sink.discard();
    }
  }

  /** Changes the description of an Artifact. */
  describe(id: string, description: string): void {
    const artifact = this.get(id);
    artifact.description = description;
    artifact.modifiedAt = this.#drivers.clock.now();
    this.#file.changed();
  }

  /** Forgets an Artifact and its bytes. Whether it is in use is for the caller to ask. */
  remove(id: string): void {
    const gone = this.get(id);
    this.#file.state.artifacts = this.list().filter((artifact) => artifact !== gone);
    this.#file.changed();
    this.#file.flush();
    this.#content.remove(id);
  }

  /** Stores the record at once: without it the content on disk belongs to nobody. */
  #add(record: ArtifactRecord): void {
    const { state } = this.#file;
    const before = state.artifacts;
    state.artifacts = [...before, record];
    this.#file.changed();
    try {
      this.#file.flush();
    } catch (error) {
      state.artifacts = before;
      this.#content.remove(record.id);
      throw error;
    }
  }

  #refuseConflict(fresh: ArtifactRecord): void {
    for (const known of this.list()) {
      const conflict = conflictOf(known, fresh);
      if (conflict === undefined) continue;
      const shared = Object.entries(conflict).map(([key, value]) => `${key} ${value}`).join(", ");
      throw new ServerRefusal(
        "server.conflict",
        `An Artifact named ${fresh.name} exists for ${shared}`,
        { metadata: { conflict } },
      );
    }
  }
}

async function parsing<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw new ServerRefusal(
      "server.bad-request",
      `Cannot parse artifact file: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function recordParts(
  described: ArtifactDescription,
): Omit<ArtifactRecord, "id" | "description" | "sizeBytes" | "sha256" | "modifiedAt"> {
  return {
    name: described.name,
    deviceTypes: described.deviceTypes,
    formatVersion: described.formatVersion,
    isSigned: described.isSigned,
    payloadTypes: described.payloadTypes,
    files: described.files,
    provides: described.provides,
    depends: described.depends,
    clearsProvides: described.clearsProvides ?? [],
  };
}
