import { NotifyChoice } from "../attention/choice.js";
import { find, findAll, write } from "../dom.js";
import { localise } from "../times.js";

/**
 * @import { Choice } from "../attention/choice.js"
 * @import { Shown } from "../page-switch.js"
 */

/**
 * The account, with what this browser notifies of.
 *
 * @param {Shown} shown
 */
export function showAccount({ page, main }) {
  localise(main);
  const choice = new NotifyChoice(page.store);
  const section = find(main, ".notifications");
  const options = /** @type {NodeListOf<HTMLInputElement>} */ (findAll(section, "input[type=radio]"));
  const words = find(section, "input[type=checkbox]", HTMLInputElement);

  function render() {
    const { isPossible, isRefused, now } = choice;
    for (const option of options) {
      option.checked = option.value === now;
      option.disabled = !isPossible || isRefused;
    }
    words.checked = choice.isWithWords;
    words.disabled = now === "off";
    const why = isPossible ? "This browser blocks notifications of this site." : "This browser has no notifications.";
    write(find(section, ".blocked"), isPossible && !isRefused ? "" : why);
  }

  for (const option of options) {
    option.addEventListener("change", async () => {
      await choice.choose(/** @type {Choice} */ (option.value));
      render();
    });
  }
  words.addEventListener("change", () => (choice.isWithWords = words.checked));
  render();
}
