/** Functions of this page that common.js does not have. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Build an SVG element, as common.js's `element` builds HTML; text is always inserted as text.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function draw(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * @param {string} id
 * @returns {HTMLElement} of this page.
 * @throws {Error} there is none: page and script are of different versions.
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}: load it again without the cache`);
  return found;
}

/**
 * Tell screen readers something that is not shown.
 *
 * @param {string} words
 */
export function announce(words) {
  byId("said").textContent = words;
}
