import { repositoryText } from "../support/repository_text.ts";

/** A line of this alone stands between two inputs of a kept corpus. */
const BETWEEN = "\n~~~~\n";

/** The kept inputs of a target, from `tests/data/fuzz`; every crash that was found is one of them. */
export function keptCorpus(name: string): Uint8Array[] {
  return repositoryText(`tests/data/fuzz/${name}.txt`).replace(/\n$/, "").split(BETWEEN)
    .map((text) => new TextEncoder().encode(text));
}
