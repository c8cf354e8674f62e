/** Which parts of a text are links. api/pages/markup/links.py has the same rules. */

const SEPARATORS = "[><\uff5c]"; // what ends an address, as linkify-it's expressions spell it

/** What also ends one: typographic quotes, the ellipsis, and the punctuation of Chinese, Japanese and Korean. */
const MORE_SEPARATORS =
  "\u2018-\u201f\u2026\u3001-\u3003\u3008-\u3011\u3014-\u301f" +
  "\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b\uff5d\uff5f-\uff65";

/**
 * A function that finds the http and https addresses in a text, by where they begin. Stars at the end of one end an
 * emphasis. No other scheme, no bare domain and no e-mail address is one.
 *
 * @param {typeof import("linkify-it").default} LinkifyIt
 * @returns {(text: string) => Map<number, string>}
 */
export function addressFinder(LinkifyIt) {
  class Linkifier extends LinkifyIt {
    /** @override */
    onCompile() {
      const expressions = /** @type {Record<string, any>} */ (this.re); // strings until they are compiled
      const { src_Any, src_pseudo_letter } = expressions;
      const letter = src_pseudo_letter.replace(src_Any, `(?:${src_Any})`); // else all beyond U+FFFF are letters to it
      for (const [name, expression] of Object.entries(expressions)) {
        if (typeof expression === "string") expressions[name] = expression.replaceAll(src_pseudo_letter, letter);
      }
      expressions.src_path = expressions.src_path.replaceAll(SEPARATORS, `[><\uff5c${MORE_SEPARATORS}]`);
    }
  }
  const linkifier = new Linkifier({}, { fuzzyLink: false, fuzzyEmail: false });
  for (const scheme of ["ftp:", "mailto:", "//"]) linkifier.add(scheme, null);
  return (text) => new Map((linkifier.match(text) ?? []).map(({ index, url }) => [index, url.replace(/\*+$/, "")]));
}
