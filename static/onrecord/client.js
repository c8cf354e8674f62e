import { CatchUp } from "./realtime/catch-up.js";
import { Connection } from "./realtime/connection.js";
import { PACE } from "./realtime/pace.js";
import { StatusWatch } from "./realtime/status.js";
import { ApiError } from "./api.js";
import { isRange } from "./events.js";

/**
 * @import { Options } from "centrifuge"
 * @import { Api } from "./api.js"
 * @import { Mirror } from "./mirror.js"
 * @import { Status } from "./realtime/status.js"
 * @import { AnsweredEvent, PageState, Publication, RoomChange, Signal } from "./shapes.js"
 */

/** Types of what is published and is not in the log. @type {Set<string>} */
const SIGNALS = new Set(["feed_paused", "invitations_changed", "log_restarted", "room_read"]);
const DELIVERY_CHANNEL = "delivery:state";

/**
 * Keeps a Mirror in step with the server: subscribes first, then fetches what happened since the mirror's position,
 * then applies publications as they arrive and fetches what turns out to be missing. A page never has to be reloaded.
 */
export class Client {
  #mirror;
  #api;
  #channel;
  #connection;
  #catchUp;
  #watch;
  #isClosed = false;
  #onLoggedOut;
  #onRestarted;
  #onOtherUser;

  /**
   * @param {object} parts
   * @param {Mirror} parts.mirror
   * @param {Pick<Api, "get">} parts.api
   * @param {typeof import("centrifuge").Centrifuge} parts.Centrifuge centrifuge-js's class
   * @param {string} parts.url of the WebSocket
   * @param {Partial<Options>} [parts.options] for centrifuge-js
   * @param {(status: Status) => void} [parts.onStatus]
   * @param {() => void} [parts.onLoggedOut] called when the session ended
   * @param {() => void} [parts.onRestarted] called when the log went back: the page has to be loaded again
   * @param {() => void} [parts.onOtherUser] called when another user has logged in, in the same browser
   * @param {typeof PACE} [parts.pace]
   */
  constructor(parts) {
    const { mirror, api, Centrifuge, url, options = {}, pace = PACE } = parts;
    const { onStatus = () => {}, onLoggedOut = () => {}, onOtherUser = () => {}, onRestarted = () => {} } = parts;
    this.#mirror = mirror;
    this.#api = api;
    this.#onLoggedOut = onLoggedOut;
    this.#onRestarted = onRestarted;
    this.#onOtherUser = onOtherUser;
    this.#channel = `personal:${mirror.user.id}`;
    const onEnd = (/** @type {ApiError} */ error) => this.#end(error);
    this.#catchUp = new CatchUp({
      ...{ mirror, api, onEnd },
      warm: () => this.#fetchToken(this.#channel),
      onDone: () => this.#watch.show(),
    });
    this.#watch = new StatusWatch({ catchUp: this.#catchUp, pace, onStatus, onEnd });
    this.#connection = new Connection({
      ...{ channel: this.#channel, Centrifuge, url, options, pace, listener: this.#listener() },
      fetchToken: (channel) => this.#fetchToken(channel),
    });
  }

  /** @returns {Status} */
  get status() {
    return this.#watch.status;
  }

  start() {
    this.#connection.start();
    this.#connection.listen(DELIVERY_CHANNEL, ({ body }) => this.#watch.told(body.is_late), { isOpen: true });
    this.#watch.start();
  }

  close() {
    this.#isClosed = true;
    this.#watch.close();
    this.#catchUp.close();
    this.#connection.close();
  }

  /**
   * Receive an event from an answer of the API, before its publication arrives.
   *
   * @param {AnsweredEvent} event
   */
  receive(event) {
    this.#mirror.places.replace(event); // what came before it may not be known yet
    this.#apply(event);
  }

  /**
   * Open the room of a page that was just loaded; `since` is what happened to rooms while it was.
   *
   * @param {PageState} page
   * @param {RoomChange[]} since
   */
  open(page, since) {
    this.#mirror.open(page, since);
    this.#catchUp.fillGaps();
  }

  /** List more rooms than those that a page was sent with. */
  listMore() {
    this.#mirror.listMore();
    this.#catchUp.fillGaps();
  }

  /**
   * Listen on another channel that the server gives this user tokens for. It plays no part in being in step: what is
   * published while there is no connection is lost, and without a token nothing arrives.
   *
   * @param {string} channel
   * @param {(data: any) => void} onPublication
   */
  listen(channel, onPublication) {
    this.#connection.listen(channel, onPublication);
  }

  /**
   * Listen on another channel as above, and hear who else does.
   *
   * @param {{ channel: string, token: string | null }} place `token`: one to begin with
   * @param {{ onPublication: (data: any) => void, onPresence: (users: Set<number>) => void }} heard
   * @param {AbortSignal} signal ends it
   */
  attend(place, heard, signal) {
    this.#connection.attend(place, heard, signal);
  }

  /** The network may be back, or the user: do not wait for the next time to look. */
  wake() {
    this.#watch.look();
  }

  #listener() {
    return {
      subscribed: (/** @type {boolean} */ isRecovered) => {
        this.#watch.subscribed();
        if (isRecovered) this.#watch.look(); // whether publications come in time may have changed meanwhile
        else this.#catchUp.request();
      },
      published: (/** @type {Publication} */ data, /** @type {boolean} */ isNext) => this.#published(data, isNext),
      missed: () => this.#catchUp.request(),
      lost: () => this.#watch.disconnected(),
      unauthorized: () => this.#end(null),
    };
  }

  /**
   * A token for a channel, or for the connection.
   *
   * @param {string | null} channel
   * @returns {Promise<string>}
   */
  async #fetchToken(channel) {
    const ofChannel = `/api/token/subscription/?channel=${encodeURIComponent(channel ?? "")}`;
    try {
      return (await this.#api.get(channel === null ? "/api/token/connection/" : this.#mirror.withLog(ofChannel))).token;
    } catch (error) {
      if (error instanceof ApiError && (error.isOtherUser || error.isOtherLog)) this.#end(error);
      throw error;
    }
  }

  /**
   * @param {Publication} data
   * @param {boolean} isNext
   */
  #published(data, isNext) {
    if (isSignal(data)) {
      if (data.type === "room_read") this.#mirror.receiveReading(data.body);
      else if (data.type === "feed_paused") this.#catchUp.pause();
      else if (data.type === "invitations_changed") this.#catchUp.readStanding();
      else this.#catchUp.request();
      return;
    }
    if (data.position === undefined) return;
    this.#apply(data);
    if (isNext) this.#catchUp.reach(data);
  }

  /** @param {RoomChange} event */
  #apply(event) {
    if (this.#mirror.contradicts(event)) this.#catchUp.settle(event);
    this.#mirror.receive(event);
    if (this.#mirror.invitations > 0 && this.#isOwnJoin(event)) this.#catchUp.readStanding();
    this.#catchUp.fillGaps();
  }

  /**
   * Joining a room answers an invitation.
   *
   * @param {RoomChange} event
   */
  #isOwnJoin(event) {
    return !isRange(event) && event.type === "user_joined" && event.body.user.id === this.#mirror.user.id;
  }

  /**
   * There will be no new connection: the session ended or is another user's, or the log went back, so that what the
   * mirror shows may have never happened.
   *
   * @param {ApiError | null} error
   */
  #end(error) {
    if (this.#isClosed) return;
    this.close();
    if (error?.isOtherLog) return this.#onRestarted();
    this.#watch.end();
    if (error?.isOtherUser) this.#onOtherUser();
    else this.#onLoggedOut();
  }
}

/**
 * @param {Publication} data
 * @returns {data is Signal}
 */
function isSignal(data) {
  return SIGNALS.has(data.type);
}
