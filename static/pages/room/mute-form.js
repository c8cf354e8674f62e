import { ApiError } from "../../onrecord/api.js";
import { find, write } from "../dom.js";

/**
 * @import { LivePage } from "../live-page.js"
 * @import { Room } from "../../onrecord/room.js"
 */

/** Mutes the room for this user, in all their windows, or ends that. */
export class MuteForm {
  #form;
  #page;
  #room;

  /**
   * @param {HTMLFormElement} form
   * @param {{ page: LivePage, room: Room }} parts
   */
  constructor(form, { page, room }) {
    this.#form = form;
    this.#page = page;
    this.#room = room;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#change();
    });
  }

  get #isMuted() {
    return this.#page.mirror.isMuted(this.#room.id);
  }

  render() {
    this.#form.hidden = this.#room.isLeft;
    write(find(this.#form, "button"), this.#isMuted ? "Unmute this room" : "Mute this room");
  }

  async #change() {
    const { api, mirror } = this.#page;
    const button = find(this.#form, "button", HTMLButtonElement);
    button.disabled = true;
    try {
      const method = this.#isMuted ? "DELETE" : "PUT";
      mirror.receiveReading((await api.change(method, `/api/rooms/${this.#room.id}/mute/`)).body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the button says how it is, and can be pressed again
    }
    button.disabled = false;
  }
}
