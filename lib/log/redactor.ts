const MASK = "***";

/** Tokens and links that are remembered by their value. */
const MAX_PASSING = 100;

// A JSON Web Token: three base64url parts; the first always begins with {" in base64.
const JWT = /eyJ[A-Za-z0-9_-]{5,1000}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;
const BEARER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{4,}/gi;
const PRIVATE_KEY =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g;
// Of a text that was shortened the first line of a key may be gone.
const PRIVATE_KEY_END = /-----END [A-Z ]*PRIVATE KEY-----/g;
const OF_A_KEY = /[A-Za-z0-9+/=\s\\\u2026]/;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]*:)[^\s/@]+(@)/gi;
// Go writes & as \u0026 in JSON.
const SIGNED_LINK =
  /((?:[?&]|\\u0026)(?:x-amz-signature|x-amz-credential|x-amz-security-token|signature|sig|token|x-men-signature)=)[^&\s"'#\\]+/gi;
// Whatever a link carries behind its path may open it: links of stores differ too much to list them.
const LINK = /\bhttps?:\/\/(?:[^\s"'<>#\\]|\\u0026)+/gi;
const NAMES = "(?:tenant_?token|password|passphrase|authorization|x-men-signature)";
// After a name: a text in quotes, one in quotes inside a JSON string, or a single word.
const NAMED = [
  new RegExp(`(${NAMES}"?\\s*[:=]\\s*")(?:[^"\\\\\\n]|\\\\.)+`, "gi"),
  new RegExp(`(${NAMES}\\\\"\\s*:\\s*\\\\")[^"\\\\]+`, "gi"),
  new RegExp(`(${NAMES}\\s*[:=]\\s*)[^\\s",}\\\\]+`, "gi"),
];

/**
 * Takes secrets out of text that is to be logged or uploaded: tokens, passwords in URLs, private
 * keys, queries of links by their form, and the secrets that were registered by their value.
 */
export class Redactor {
  readonly #secrets = new Set<string>();

  /** Those that are replaced again and again while a daemon runs. */
  readonly #passing = new Set<string>();

  /**
   * Registers a secret; wherever it occurs it is masked from now on. Blank ones are ignored.
   *
   * Of tokens and links only the last hundred are kept: a daemon sees new ones for years, and the form of
   * an old one still gives it away.
   */
  add(secret: string | undefined): void {
    const text = secret?.trim() ?? "";
    if (text.length < 4) return;
    if (!/^(?:eyJ|https?:)/i.test(text)) {
      this.#secrets.add(text);
      return;
    }
    this.#passing.delete(text); // so that it counts as the latest
    this.#passing.add(text);
    const [oldest] = this.#passing;
    if (this.#passing.size > MAX_PASSING && oldest !== undefined) this.#passing.delete(oldest);
  }

  /** The text without secrets. */
  redact(text: string): string {
    let clean = text;
    // The longest first: one secret may be a part of another.
    const secrets = [...this.#secrets, ...this.#passing].sort((a, b) => b.length - a.length);
    for (const secret of secrets) clean = clean.replaceAll(secret, MASK);
    clean = withoutKeyEnds(clean.replace(PRIVATE_KEY, MASK))
      .replace(JWT, MASK)
      .replace(BEARER, `$1 ${MASK}`)
      .replace(URL_PASSWORD, `$1${MASK}$2`)
      .replace(LINK, (link) => link.replace(/\?[^]+$/, `?${MASK}`))
      .replace(SIGNED_LINK, `$1${MASK}`);
    for (const named of NAMED) clean = clean.replace(named, `$1${MASK}`);
    return clean;
  }
}

/** Masks what stands before the last line of a key whose first line is missing; in linear time. */
function withoutKeyEnds(text: string): string {
  let clean = "";
  let from = 0;
  for (const { 0: end, index } of text.matchAll(PRIVATE_KEY_END)) {
    let start = index;
    while (start > from && OF_A_KEY.test(text.charAt(start - 1))) start--;
    clean += `${text.slice(from, start)} ${MASK}`;
    from = index + end.length;
  }
  return clean + text.slice(from);
}
