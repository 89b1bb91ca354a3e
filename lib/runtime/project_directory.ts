import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Directory of the checkout, the bundle or the package that this program is part of. */
export function projectDirectory(): string {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}
