import process from "node:process";

/**
 * Calls back when something was thrown that nobody caught, in the place of the runtime, which would print the
 * error with its stack and all that it holds. The process ends with 1 then; whoever wants the end of the
 * process, a terminal above all, has been told before.
 *
 * @returns Leaves it to the runtime again.
 */
export function onCrash(handler: (error: unknown) => void): () => void {
  let isCrashing = false;
  const crash = (error: unknown): void => {
    if (isCrashing) return;
    isCrashing = true;
    // Registered now, it comes behind all others.
    process.once("exit", () => handler(error));
    process.exit(1);
  };
  if (!("Deno" in globalThis)) {
    process.on("uncaughtException", crash);
    return () => process.off("uncaughtException", crash);
  }
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    crash(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    crash(event.reason);
  };
  addEventListener("error", onError);
  addEventListener("unhandledrejection", onRejection);
  return () => {
    removeEventListener("error", onError);
    removeEventListener("unhandledrejection", onRejection);
  };
}
