/** The module that is run as the command: TypeScript in a checkout, JavaScript in the npm package. */
export const MAIN_MODULE: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js",
  import.meta.url,
);
