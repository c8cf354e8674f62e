/**
 * What the HTTP API answers, what channels publish and what a page is loaded with: docs/http-api.md and /api/docs/ explain
 * the fields. A timestamp is UTC with six digits of a second, so two of them compare as strings.
 */

export interface User {
  id: number;
  username: string;
  /** Of an ordinary account there is none. */
  kind?: "erased" | "deactivated" | "bot" | "admin";
}

export type Role = "owner" | "moderator" | "member";

/** A member of a room, and the version at which the present stay began. */
export interface RoomMember extends User {
  role: Role;
  joined: number;
}

/** Until when a member says nothing, and why: the version of that decision. */
export interface Muted {
  version: number;
  until: string;
  why: string;
}

/** What the user of a page may do in a room. */
export interface OwnStanding {
  role: Role;
  muted?: Muted;
}

/** When and why words were erased; `at` is null in a copy of the log that was made without them. */
export interface Erased {
  at: string | null;
  why: string;
}

export interface LastMessage {
  id: number;
  content: string;
  user: User;
  created_at: string;
  /** Then the content is empty. */
  erased?: Erased;
  /** Then, too. */
  retracted?: Retraction;
}

/** When a message was taken back, by whom and why: empty where its author gave no reason. */
export interface Retraction {
  at: string;
  by: User;
  why: string;
}

/** How many reacted with an emoji, and the first 20 of them. */
export interface Reaction {
  emoji: string;
  count: number;
  users: User[];
}

export interface Pin {
  at: string;
  by: User;
}

export interface Room {
  id: string;
  name: string;
  version: number;
  bumped_at: string;
  member_count: number;
  /** In an event, null as well where one who gets the event may not read it. */
  last_message: LastMessage | null;
  visibility?: "public" | "private" | "direct";
  /** What joiners may read. */
  history?: "all" | "since_joining";
  /** Of a direct conversation. */
  people?: User[];
  topic?: string;
  is_archived?: boolean;
}

/** What a message changed about its room. */
export interface MessageRoom {
  id: string;
  version: number;
  bumped_at: string;
}

/** What has not happened to it has no field. */
export interface Message extends LastMessage {
  room: MessageRoom;
  /** The id of the message that it answers. */
  reply_to?: number;
  edited_at?: string;
  reactions?: Reaction[];
  pinned?: Pin;
  /** Whom it named, or an edit of it; user 0 is everyone in the room. */
  mentions?: User[];
  attachments?: Attachment[];
}

/** A file of a message. An image has its size in pixels. */
export interface Attachment {
  id: string;
  name: string;
  size: number;
  type: string;
  sha256: string;
  width?: number;
  height?: number;
}

/** A message as it is after an event, and who acted. It is null to those who may not read it. */
export interface MessageChange {
  room: { id: string; version: number };
  user: User;
  message: Message | null;
  /** Those whom an edit was the first to name; user 0 is everyone. */
  mentioned?: User[];
}

/** A member invited a user, or withdrew that; and the room as it was after it. */
export interface Invitation {
  room: Room;
  user: User;
  invitee: User;
}

/** All reactions to a message after an event, and who acted. */
export interface ReactionChange {
  room: { id: string; version: number };
  user: User;
  message_id: number;
  emoji: string;
  reactions: Reaction[];
}

export type Body =
  | Message
  | Member
  | Erasure
  | AccountErasure
  | MemberChange
  | Invitation
  | MessageChange
  | ReactionChange;

/** The room as it was after the event, and who acted. Of a member who was removed: by whom, and why. */
export interface Member {
  room: Room;
  user: User;
  removed_by?: User;
  why?: string;
  erased?: Erased;
}

/** What `user` decided about `member`, and the room after that. `user` 0 is an operator or the service. */
export interface MemberChange {
  room: Room;
  user: User;
  member: User;
  why: string;
  role?: Role;
  until?: string;
  erased?: Erased;
}

/** The words of these versions were erased, and the room as it was after that. `user` 0 is an operator or the service. */
export interface Erasure {
  room: Room;
  user: User;
  versions: number[];
  erased: Erased;
}

/** `erased_user` is shown in place of the user with that id, whose account was erased; and the room after that. */
export interface AccountErasure {
  room: Room;
  user: User;
  erased_user: User;
}

/**
 * Many joins and leaves of a room in a row, from version `from` to `version`, and the room after them. `joined` and
 * `left` name the newest of them, at most 20 each.
 */
export interface MembersChanged {
  from: number;
  version: number;
  count: number;
  joined: User[];
  left: User[];
  room: Room;
}

/** An event of a room, with as much as it takes to apply it. `type` is the server's topic. */
export interface RoomEvent<OneBody extends Body = Body> {
  type: string;
  version: number;
  body: OneBody;
  /** Of the request that posted a message. */
  idempotency_key?: string;
}

/** An event as the log tells it. A publication says its place in the log. */
export interface StreamEvent extends RoomEvent {
  position: number;
  log?: string;
  occurred_at?: string;
}

/** An event as the answer to who caused it tells it, before it is published. */
export type AnsweredEvent<OneBody extends Body = Body> = RoomEvent<OneBody> & Pick<StreamEvent, "position" | "log">;

/** What the user read of a room: up to `version`; `unread` messages follow it in the versions up to `counted`. */
export interface Reading {
  room_id: string;
  version: number;
  unread: number;
  counted: number;
  /** How many of them mention the user, or everyone. */
  mentions: number;
  is_muted: boolean;
  /** How often the user changed that: what says more is newer. */
  mute_changes: number;
}

/** Not events: they have no version. */
export type Signal =
  | { type: "log_restarted"; generation: number }
  | { type: "feed_paused"; position: number }
  | { type: "invitations_changed" }
  | { type: "room_read"; body: Reading };

/** A publication that stands for many events. */
export interface RangeEvent {
  type: "members_changed";
  version: number;
  position: number;
  log?: string;
  body: MembersChanged;
}

/** What changes a room: one event, or many. */
export type RoomChange = RoomEvent | Omit<RangeEvent, "position">;

/** What a personal channel carries. */
export type Publication = StreamEvent | RangeEvent | Signal;

/** That a user joined a room or left it, at a version or, within a range, before it. */
export interface JoinOrLeave {
  version: number;
  user: User;
  step: "joined" | "left" | "removed";
}

/** The open room: its newest messages, ascending, its first members, and its pinned messages, the last pinned first. */
export interface OpenRoom {
  room: Room;
  messages: Message[];
  members: RoomMember[];
  pinned: Message[];
  own: OwnStanding;
  /** Subscribes to who has the room open. */
  here_token?: string | null;
  /** Who joined and left between the messages and after them, ascending. */
  joins_and_leaves?: JoinOrLeave[];
  /** Where in the log messages are, by their ids. */
  positions?: Record<string, number>;
  /** Messages that the others answer and that are not among them. */
  answered?: Message[];
}

/** What a page is loaded with; nothing up to `position` is missing from it. */
export interface PageState {
  user: User;
  position: number;
  /** A place in the log; sent back with requests. */
  log?: string;
  rooms: Room[];
  /** When the page was made. */
  now?: string;
  /** How many rooms are listed at most: where there are fewer, these are all. */
  listed?: number;
  readings?: Reading[];
  open?: OpenRoom | null;
  /** How many wait for an answer. */
  invitations?: number;
}

export interface ProjectionStatus {
  projection: string;
  lifecycle: string;
  state: string;
  checkpoint: number;
  lag_events: number;
  lag_s: number;
  events_per_s: number | null;
  holder: string | null;
  reason: string | null;
  failed_position: number | null;
}

export interface RebuildStatus {
  state: string;
  position: number;
  head: number;
  events_per_s: number | null;
  left_s: number | null;
}

export interface DeadLetter {
  dead_letter_id: number;
  lane: number;
  position: number;
  reason: string;
  set_aside_at: string;
}

export interface OperatorAction {
  action_id: number;
  taken_at: string;
  who: string;
  action: string;
  subject: string;
  why: string;
}

/** What the operations page shows. */
export interface Figures {
  read_at: string;
  position: number;
  events_per_s: number;
  projections: ProjectionStatus[];
  rebuild: RebuildStatus | null;
  dead_letters: DeadLetter[];
  dead_letter_count: number;
  actions: OperatorAction[];
  tree: TreeStatus;
}

export interface WitnessStatus {
  name: string;
  size: number;
  cosigned_at: string | null;
  age_s: number | null;
  problem: string | null;
}

export interface TreeStatus {
  state: "well" | "not well" | "stopped";
  summary: string;
  problems: string[];
  epoch: number;
  origin: string;
  size: number;
  lag_events: number;
  lag_s: number;
  key: string;
  next_key: string | null;
  checkpoint: { size: number; signed_at: string; age_s: number } | null;
  witnesses: WitnessStatus[];
  verification: { at: string; size: number; rows: number; findings: number } | null;
  verification_due: string | null;
}
