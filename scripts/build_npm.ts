/**
 * Builds the npm package from the sources, in `dist/npm`, or the directory that is named.
 *
 * Run: `deno task build:npm`
 */
import process from "node:process";
import { buildPackage } from "./npm/build_package.ts";

console.log(buildPackage(process.argv[2] ?? "dist/npm"));
