import { find } from "./dom.js";
import { takeDraft } from "./draft.js";

/**
 * @import { Api } from "../onrecord/api.js"
 * @import { Client } from "../onrecord/client.js"
 * @import { Outbox, OutgoingMessage } from "../onrecord/outbox.js"
 * @import { Room } from "../onrecord/room.js"
 */

/** The form that sends: a message is shown at once, then posted, one after the other in the order they were typed. */
export class Composer {
  #form;
  #field;
  #room;
  #outbox;
  #api;
  #client;
  #onChange;
  #onSubmit;
  #sending = Promise.resolve();

  /**
   * @param {HTMLFormElement} form
   * @param {object} parts
   * @param {Room} parts.room
   * @param {Outbox} parts.outbox
   * @param {Api} parts.api
   * @param {Client} parts.client
   * @param {() => void} parts.onChange called when the outbox changed
   * @param {() => void} parts.onSubmit
   */
  constructor(form, { room, outbox, api, client, onChange, onSubmit }) {
    this.#form = form;
    this.#field = find(form, "textarea", HTMLTextAreaElement);
    this.#field.value ||= takeDraft();
    this.#room = room;
    this.#outbox = outbox;
    this.#api = api;
    this.#client = client;
    this.#onChange = onChange;
    this.#onSubmit = onSubmit;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    if (matchMedia("(min-width: 48rem)").matches) this.focus();
  }

  focus() {
    this.#field.focus();
  }

  /** @param {boolean} isEnabled */
  enable(isEnabled) {
    this.#field.disabled = !isEnabled;
    find(this.#form, "button", HTMLButtonElement).disabled = !isEnabled;
  }

  /** @param {OutgoingMessage} message */
  retry(message) {
    this.#outbox.retry(message);
    this.#send(message);
  }

  #submit() {
    const content = this.#field.value;
    if (content.trim() === "") return;
    this.#field.value = "";
    this.#send(this.#outbox.add(content));
    this.#onSubmit();
    this.focus();
  }

  /** @param {OutgoingMessage} message */
  #send(message) {
    this.#onChange();
    this.#sending = this.#sending.then(() => this.#post(message));
  }

  /** @param {OutgoingMessage} outgoing */
  async #post(outgoing) {
    try {
      const path = `/api/rooms/${this.#room.id}/messages/`;
      const message = await this.#api.post(path, { content: outgoing.content }, { key: outgoing.key });
      this.#outbox.remove(outgoing);
      this.#client.receive({ type: "message_added", version: message.id, body: message });
    } catch (error) {
      this.#outbox.fail(outgoing, error instanceof Error ? error.message : String(error));
    }
    this.#onChange();
  }
}
