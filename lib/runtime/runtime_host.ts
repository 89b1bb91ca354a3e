import type { Drivers } from "./drivers.ts";
import type { ProcessStarter } from "./processes/process_starter.ts";

/** What each runtime does in its own way. */
export type RuntimeHost =
  & Pick<Drivers, "runtime" | "files" | "sockets" | "signals" | "self" | "http">
  & { readonly starter: ProcessStarter };
