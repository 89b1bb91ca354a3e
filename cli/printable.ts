/**
 * Makes text from elsewhere fit for a terminal: characters that cannot be seen, and those that a
 * terminal obeys (controls, direction of writing), become `\uXXXX`. Line feeds stay, so that whole
 * outputs can be passed through. In JSON text the escapes mean the same characters.
 */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}
