/**
 * Lets `await using` close something, where the runtime has `Symbol.asyncDispose`.
 *
 * @param close Ends it; what it gives is of no interest then.
 */
export function closeOnDispose(resource: object, close: () => Promise<unknown>): void {
  const dispose = Symbol.asyncDispose as symbol | undefined;
  if (dispose === undefined) return;
  Object.defineProperty(resource, dispose, { value: () => close().then(() => {}) });
}
