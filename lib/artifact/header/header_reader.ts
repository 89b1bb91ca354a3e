import { type ArtifactLimits, checkLimit } from "../limits.ts";
import { isScriptName } from "../names.ts";
import { quoted, refusal } from "../refusal.ts";
import { TarReader } from "../tar/tar_reader.ts";
import type { FormatVersion } from "../version_file.ts";

/** What the header archive holds, unread: nothing of it counts before its checksum was verified. */
export interface HeaderContents {
  /** `header-info`, as stored. */
  readonly headerInfo: Uint8Array;
  /** Names of the state scripts, in the order of the archive. */
  readonly scripts: readonly string[];
  /** `headers/0000/files`, as stored; version 2 only. */
  readonly files: Uint8Array | undefined;
  /** `headers/0000/type-info`, as stored. */
  readonly typeInfo: Uint8Array;
  /** `headers/0000/meta-data`, as stored; `undefined` when there is none. */
  readonly metaData: Uint8Array | undefined;
}

type Place = "start" | "header-info" | "script" | "files" | "type-info" | "meta-data";

/** Which header is read: that of a version of the format, or the one that augments it. */
export type HeaderKind = FormatVersion | "augment";

/** What may follow what, for each kind (artifact-format section 4, section 9). */
const FOLLOWERS: Readonly<Record<HeaderKind, Readonly<Record<Place, readonly Place[]>>>> = {
  2: {
    "start": ["header-info"],
    "header-info": ["script", "files"],
    "script": ["script", "files"],
    "files": ["type-info"],
    "type-info": ["meta-data"],
    "meta-data": [],
  },
  3: {
    "start": ["header-info"],
    "header-info": ["script", "type-info"],
    "script": ["script", "type-info"],
    "files": [],
    "type-info": ["meta-data"],
    "meta-data": [],
  },
  // No scripts: they would be run without ever having been signed.
  "augment": {
    "start": ["header-info"],
    "header-info": ["type-info"],
    "script": [],
    "files": [],
    "type-info": ["meta-data"],
    "meta-data": [],
  },
};
const DOCUMENTS: Readonly<Record<string, Place>> = {
  "header-info": "header-info",
  "headers/0000/files": "files",
  "headers/0000/type-info": "type-info",
  "headers/0000/meta-data": "meta-data",
};

/** Collects the members of the header archive; checks their order, names and sizes, not their contents. */
export class HeaderReader {
  readonly #tar: TarReader;
  readonly #archive: string;
  readonly #limits: ArtifactLimits;
  readonly #kind: HeaderKind;
  readonly #documents = new Map<Place, Uint8Array>();
  readonly #scripts = new Set<string>();
  #scriptBytes = 0;
  #place: Place = "start";
  #document: Uint8Array | undefined;
  #filledBytes = 0;

  /** Makes a reader; `archive` names the member in messages, quotes included. */
  constructor(archive: string, kind: HeaderKind, limits: ArtifactLimits) {
    this.#tar = new TarReader(archive, limits);
    this.#archive = archive;
    this.#kind = kind;
    this.#limits = limits;
  }

  /** Takes the next bytes of the decompressed archive. Throws {@link ArtifactError}. */
  write(bytes: Uint8Array): void {
    for (const event of this.#tar.read(bytes)) {
      if (event.type === "member") this.#open(event.name, event.sizeBytes);
      else if (event.type === "data" && this.#document !== undefined) {
        this.#document.set(event.bytes, this.#filledBytes);
        this.#filledBytes += event.bytes.length;
      }
    }
  }

  /**
   * Checks that nothing is missing.
   *
   * @throws {ArtifactError} `artifact.truncated`; `artifact.bad-order` when a member is missing.
   */
  finish(): HeaderContents {
    this.#tar.finish();
    const headerInfo = this.#documents.get("header-info");
    const typeInfo = this.#documents.get("type-info");
    if (headerInfo === undefined || typeInfo === undefined) {
      const wanted = headerInfo === undefined ? "header-info" : "headers/0000/type-info";
      throw refusal("artifact.bad-order", `${this.#archive} holds no "${wanted}"`);
    }
    return {
      headerInfo,
      typeInfo,
      scripts: [...this.#scripts],
      files: this.#documents.get("files"),
      metaData: this.#documents.get("meta-data"),
    };
  }

  #open(name: string, sizeBytes: number): void {
    const place = this.#placeOf(name);
    if (place === undefined || !FOLLOWERS[this.#kind][this.#place].includes(place)) {
      throw refusal(
        "artifact.bad-order",
        `${quoted(name)} may not stand here in ${this.#archive} (behind: ${this.#place})`,
      );
    }
    this.#place = place;
    this.#document = undefined;
    if (place === "script") return this.#addScript(name.slice("scripts/".length), sizeBytes);
    checkLimit(`${quoted(name)} in ${this.#archive}`, sizeBytes, this.#limits.documentBytes);
    this.#document = new Uint8Array(sizeBytes);
    this.#filledBytes = 0;
    this.#documents.set(place, this.#document);
  }

  #placeOf(name: string): Place | undefined {
    if (name.startsWith("scripts/")) return "script";
    return Object.hasOwn(DOCUMENTS, name) ? DOCUMENTS[name] : undefined;
  }

  #addScript(name: string, sizeBytes: number): void {
    if (!isScriptName(name)) {
      throw refusal("artifact.bad-name", `${quoted(name)} is not a name of a state script`);
    }
    if (this.#scripts.has(name)) {
      throw refusal("artifact.duplicate-file", `the state script ${quoted(name)} is there twice`);
    }
    this.#scripts.add(name);
    this.#scriptBytes += sizeBytes;
    checkLimit("state scripts", this.#scripts.size, this.#limits.scripts, "files");
    checkLimit("state scripts", this.#scriptBytes, this.#limits.scriptBytes);
  }
}
