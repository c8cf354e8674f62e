/**
 * The element under `root` that `selector` names: every page that uses it has it.
 *
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [type]
 * @returns {T}
 */
export function find(root, selector, type = /** @type {any} */ (HTMLElement)) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`no ${type.name} at ${selector}`);
  return found;
}

/**
 * Like `find`, for all of them.
 *
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {NodeListOf<HTMLElement>}
 */
export const findAll = (root, selector) => root.querySelectorAll(selector);

/**
 * Children of a list: items that scripts of this page or the server's templates made.
 *
 * @param {Element} list
 */
export const itemsOf = (list) => /** @type {HTMLElement[]} */ ([...list.children]);

/**
 * A new item from a `<template>`.
 *
 * @param {string} id
 */
export function fromTemplate(id) {
  const item = find(document, `#${id}`, HTMLTemplateElement).content.firstElementChild;
  return /** @type {HTMLElement} */ (item?.cloneNode(true));
}

/**
 * Set the text of `element`. The same text is not written again: that would cost a layout and lose a selection.
 *
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * An element for text of people, whose direction changes nothing around it.
 *
 * @param {string} textContent
 * @param {object} [more] properties
 */
export const isolated = (textContent, more) => Object.assign(document.createElement("bdi"), { textContent, ...more });
