import { repositoryFiles, repositoryText } from "../../support/repository_text.ts";

/** A page of the documentation. */
export interface Page {
  /** Path in the checkout. */
  readonly path: string;
  /** Its whole text. */
  readonly text: string;
}

/** A block of code in a page. */
export interface CodeBlock {
  /** Word behind the fence, `sh` for example; may be empty. */
  readonly language: string;
  /** What is in it. */
  readonly text: string;
}

/** Every page that a reader of the repository sees. */
export function pages(): Page[] {
  const paths = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ...repositoryFiles("docs", ".md"),
  ];
  return paths.map((path) => ({ path, text: repositoryText(path) }));
}

/** The blocks of code of a page, in order. */
export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .map(([, language = "", block = ""]) => ({ language, text: block }));
}

/** What stands between backticks outside of blocks. */
export function codeSpans(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span.replace(/\s+/g, " "));
}

/** Targets of the links of a page that lead to other files of the repository, with their anchors. */
export function relativeLinks(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchor that a heading gets on the usual repository hosts. */
export function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}
