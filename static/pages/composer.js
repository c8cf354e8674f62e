/** The form that sends: at once on the page, then on the wire, one after the other as they were typed. */
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

  constructor(form, { room, outbox, api, client, onChange, onSubmit }) {
    this.#form = form;
    this.#field = form.elements.content;
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

  enable(isEnabled) {
    for (const element of this.#form.elements) element.disabled = !isEnabled;
  }

  retry(letter) {
    this.#outbox.retry(letter);
    this.#send(letter);
  }

  #submit() {
    const content = this.#field.value;
    if (content.trim() === "") return;
    this.#field.value = "";
    this.#send(this.#outbox.add(content));
    this.#onSubmit();
    this.focus();
  }

  #send(letter) {
    this.#onChange();
    this.#sending = this.#sending.then(() => this.#post(letter));
  }

  async #post(letter) {
    try {
      const path = `/api/rooms/${this.#room.id}/messages/`;
      const message = await this.#api.post(path, { content: letter.content }, { key: letter.key });
      this.#outbox.remove(letter);
      this.#client.take({ type: "message_added", version: message.id, body: message });
    } catch (error) {
      this.#outbox.fail(letter, error.message);
    }
    this.#onChange();
  }
}
