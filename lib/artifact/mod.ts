/**
 * Reads Mender Artifacts (`.mender` files, format 3 and 2) as a stream: what they say about
 * themselves, whether they are sound and signed, and whether they are for this device. It takes bytes
 * and gives answers; it does not fetch, store or install anything, and knows no file and no network.
 *
 * @module
 */
export { ArtifactReader, type ArtifactReaderOptions } from "./reader.ts";
export type { ArtifactAugment, ArtifactDescription, ArtifactFile } from "./description.ts";
export type { FormatVersion } from "./version_file.ts";
export type { Compression } from "./compression/compression.ts";
export { checkFitsDevice, type DeviceFacts } from "./fit.ts";
export { keyFingerprint, readVerifyKeys, type VerifyKeyText } from "./verify_keys.ts";
export { type ArtifactLimits, DEFAULT_LIMITS } from "./limits.ts";
export type { ArtifactErrorCode } from "./refusal.ts";
