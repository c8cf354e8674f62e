import { checkMessage } from "../onrecord/proof/message.js";
import { find } from "./dom.js";

/**
 * @import { Finding } from "../onrecord/proof/message.js"
 * @import { PinnedKeys } from "../onrecord/proof/proof.js"
 * @import { Shown } from "./page-switch.js"
 */

/**
 * Let buttons of the page check proofs, and say under each what was found.
 *
 * @param {Shown} shown
 */
export function offerChecks({ page, main, signal }) {
  main.addEventListener(
    "click",
    async ({ target }) => {
      const button = target instanceof Element ? target.closest(".check-proof") : null;
      const part = button?.closest(".proof");
      if (!(button instanceof HTMLButtonElement) || !(part instanceof HTMLElement)) return;
      button.disabled = true;
      const { room = "", message, version, author } = part.dataset;
      const about = { room, message: Number(message), version: Number(version), author: Number(author) };
      const keys = [...main.querySelectorAll(".log-key")].map(pinned);
      try {
        find(part, ".proof-found").replaceChildren(...shownFinding(await checkMessage(about, keys, page.api)));
      } finally {
        button.disabled = false;
      }
    },
    { signal },
  );
}

/** @param {Element} shown @returns {PinnedKeys} */
function pinned(shown) {
  const { time = "", until = "" } = shown instanceof HTMLElement ? shown.dataset : {};
  return { log: shown.textContent ?? "", time, until: until === "" ? null : Number(until) };
}

/** @param {Finding} finding */
function shownFinding({ verdict, summary, lines }) {
  const said = document.createElement("p");
  said.className = "verdict";
  said.dataset.verdict = verdict;
  said.textContent = summary;
  if (lines.length === 0) return [said];
  const list = document.createElement("ul");
  list.append(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  return [said, list];
}
