/** Bytes: base64, numbers as the formats write them, and SHA-256 by the browser. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** The proof does not hold; the text says why. */
export class ProofRefused extends Error {}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param {string} text @returns {Bytes} */
export const utf8 = (text) => ENCODER.encode(text);

/** The text of UTF-8. Throws TypeError where it is none. @param {Bytes} bytes */
export const textOf = (bytes) => DECODER.decode(bytes);

/**
 * What base64 stands for. Throws ProofRefused.
 *
 * @param {unknown} text
 * @param {string} what it is, for the refusal
 * @returns {Bytes}
 */
export function decoded(text, what) {
  if (typeof text !== "string" || !BASE64.test(text)) throw new ProofRefused(`${what} is not base64`);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** @param {Bytes} bytes */
export const encoded = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {Bytes} bytes */
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The bytes of a UUID. Throws ProofRefused.
 *
 * @param {unknown} text
 */
export function uuid(text) {
  const digits = typeof text === "string" ? text.replaceAll("-", "") : "";
  if (!/^[0-9a-f]{32}$/.test(digits)) throw new ProofRefused("the stream is not an id");
  return Uint8Array.from({ length: 16 }, (_, place) => parseInt(digits.slice(2 * place, 2 * place + 2), 16));
}

/**
 * A number as so many bytes, the highest first. Throws ProofRefused for what is not such a number.
 *
 * @param {unknown} number
 * @param {number} width
 * @param {string} what it is, for the refusal
 */
export function bigEndian(number, width, what) {
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    throw new ProofRefused(`${what} is not a number`);
  }
  const bytes = new Uint8Array(width);
  for (let place = width - 1, rest = number; place >= 0; place -= 1, rest = Math.floor(rest / 256)) bytes[place] = rest;
  return bytes;
}

/**
 * The number in bytes, the highest first.
 *
 * @param {Bytes} bytes
 */
export const numberIn = (bytes) => bytes.reduce((number, byte) => number * 256 + byte, 0);

/** @param {Bytes[]} parts @returns {Bytes} */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * @param {Bytes} one
 * @param {Bytes} other
 */
export const isEqual = (one, other) => one.length === other.length && one.every((byte, place) => byte === other[place]);

/** @param {Bytes[]} parts of what is hashed @returns {Promise<Bytes>} */
export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
