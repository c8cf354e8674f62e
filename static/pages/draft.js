/** What is being written, kept over a load of the same page in this window. */

const key = () => `draft:${location.pathname}`;
const field = () => /** @type {HTMLTextAreaElement | null} */ (document.querySelector(".composer textarea"));

export function keepDraft() {
  const content = field()?.value ?? "";
  if (content !== "") sessionStorage.setItem(key(), content);
}

/** The draft that was kept, once; empty when there is none. */
export function takeDraft() {
  const content = sessionStorage.getItem(key()) ?? "";
  sessionStorage.removeItem(key());
  return content;
}
