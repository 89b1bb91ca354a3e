/** The texts in which the version stands. */
export interface VersionTexts {
  /** `deno.json`. */
  readonly manifest: string;
  /** `lib/core/version.ts`. */
  readonly code: string;
  /** `CHANGELOG.md`. */
  readonly changelog: string;
  /** `docs/mender-deno.1`. */
  readonly manual: string;
}

/** What of the versions does not agree, one line each; and what the changelog still calls unreleased. */
export function versionProblems(texts: VersionTexts): { problems: string[]; notes: string[] } {
  const { version } = JSON.parse(texts.manifest) as { version: string };
  const problems: string[] = [];
  const notes: string[] = [];
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    problems.push(`deno.json: "${version}" is no version`);
  }
  const code = /VERSION = "([^"]+)"/.exec(texts.code)?.[1] ?? "none";
  if (code !== version) problems.push(`lib/core/version.ts says ${code}, deno.json ${version}`);
  if (!texts.manual.includes(`mender\\-deno ${version}"`)) {
    problems.push(`docs/mender-deno.1 is not of ${version}: run scripts/write_docs.ts`);
  }
  const [, heading = "", entry = ""] = new RegExp(
    `^## ${version.replaceAll(".", "\\.")} - (.+)\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`,
    "m",
  ).exec(texts.changelog) ?? [];
  if (entry.split("\n").filter((line) => line.startsWith("- ")).length === 0) {
    problems.push(`CHANGELOG.md has no entry for ${version}`);
  } else if (heading === "Unreleased") notes.push(`CHANGELOG.md calls ${version} unreleased`);
  else if (!/^\d{4}-\d{2}-\d{2}$/.test(heading)) {
    problems.push(`CHANGELOG.md: wanted a date behind ${version}, found "${heading}"`);
  }
  return { problems, notes };
}
