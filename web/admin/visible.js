/** Whether elements are on the screen, so that nothing is drawn unseen; and canvases in the theme's colours. */

/** @type {WeakMap<Element, (visible: boolean) => void>} */
const listeners = new WeakMap();

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
}, { rootMargin: '120px' });

/**
 * @param {Element} element
 * @param {(visible: boolean) => void} listener
 */
export function onVisible(element, listener) {
  listeners.set(element, listener);
  observer.observe(element);
}

/** @type {Set<() => void>} */
const followers = new Set();
/** @type {Map<string, string>} */
let colours = new Map();

/**
 * A colour of the theme, for canvases.
 *
 * @param {string} name of the custom property
 */
export function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    colours.set(name, value);
  }
  return value;
}

/** @param {() => void} redraw called when the theme has changed */
export function onTheme(redraw) {
  followers.add(redraw);
}

new MutationObserver(() => {
  colours = new Map();
  for (const redraw of followers) redraw();
}).observe(document.documentElement, { attributeFilter: ['data-theme'] });

/** @type {WeakMap<Element, {width: number, height: number}>} CSS pixels */
const sizes = new WeakMap();

const sizer = new ResizeObserver((entries) => {
  for (const { target, contentRect: { width, height } } of entries) sizes.set(target, { width, height });
});

/**
 * The size of a canvas. To ask the element each time would lay the page out anew each time.
 *
 * @param {HTMLCanvasElement} canvas
 */
function sizeOf(canvas) {
  let size = sizes.get(canvas);
  if (!size) {
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (!size.width) return size;
    sizes.set(canvas, size);
    sizer.observe(canvas);
  }
  return size;
}

/**
 * Make a canvas as sharp as the screen.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number} | null} in CSS
 *   pixels; null without a size
 */
export function prepare(canvas) {
  const { width, height } = sizeOf(canvas);
  const context = canvas.getContext('2d');
  if (!context || !width || !height) return null;
  const ratio = globalThis.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
