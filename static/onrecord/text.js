/** What ends a sentence rather than an address when it stands last. */
const AFTER_ADDRESS = /[.,;:!?)\]}'*]+$/;

/**
 * Text in pieces: {text, href}, where `href` is null but for http and https addresses. No other scheme becomes a link.
 * The templates do the same on the server (api/pages/text.py).
 */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const address = match[0].replace(AFTER_ADDRESS, "");
    if (match.index > end) found.push({ text: text.slice(end, match.index), href: null });
    found.push({ text: address, href: address });
    end = match.index + address.length;
  }
  if (end < text.length) found.push({ text: text.slice(end), href: null });
  return found;
}
