/**
 * Gives the memory of a buffer back at once; views of it are empty afterwards. Left to the garbage
 * collector, which counts objects, what a decompressor puts out piles up to 64 MiB (seen with Deno
 * 2.9.6). Where the runtime cannot give it back (Node 20) the collector does in the end.
 */
export function releaseBuffer(buffer: ArrayBufferLike): void {
  (buffer as { transfer?: (sizeBytes: number) => unknown }).transfer?.(0);
}
