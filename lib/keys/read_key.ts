import type { DeviceKey } from "./device_key.ts";
import { findKeyBlock, type KeyBlock } from "./key_block.ts";
import { loadModule } from "../runtime/load_module.ts";
import { readRsaKey } from "./web_rsa_key.ts";

/** What the content of a key file is. */
export type KeyContent =
  | { readonly state: "key"; readonly key: DeviceKey }
  | Extract<KeyBlock, { state: "no-key" }>;

/**
 * Reads the private key in the content of a file.
 *
 * @param path Only named in errors.
 * @returns The key; or `no-key` as {@link findKeyBlock}.
 * @throws {KeyError} `key.encrypted`, `key.damaged`, `key.unknown-type`; all are tried again later,
 * because a person may put the right file there.
 */
export async function readKey(path: string, content: Uint8Array): Promise<KeyContent> {
  const block = findKeyBlock(path, content);
  if (block.state === "no-key") return block;
  const key = await readRsaKey(block.label, block.pem) ??
    (await loadModule(() => import("./node_key.ts"))).parseKey(path, block.pem);
  return { state: "key", key };
}
