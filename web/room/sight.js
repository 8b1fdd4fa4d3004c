/** How large each tile really is on the screen, and whether it can be seen at all. */

/** A phone's screen has more pixels than its radio should be asked to fill. */
const PHONE_RATIO = 2;

/**
 * @param {{left: number, top: number, right: number, bottom: number}} box in CSS pixels
 * @param {boolean} seen
 * @param {number} ratio device pixels for one CSS pixel
 * @returns {{width: number, height: number}} in device pixels; 0 when it is not seen
 */
export function shownSize(box, seen, ratio) {
  if (!seen) return { width: 0, height: 0 };
  return {
    width: Math.round((box.right - box.left) * ratio),
    height: Math.round((box.bottom - box.top) * ratio),
  };
}

/**
 * @param {{left: number, top: number, right: number, bottom: number}} box
 * @param {{left: number, top: number, right: number, bottom: number}} over
 * @returns {boolean} whether `over` hides `box`, but for an edge
 */
export function isCovered(box, over) {
  return over.left <= box.left + 1 && over.top <= box.top + 1
    && over.right >= box.right - 1 && over.bottom >= box.bottom - 1;
}

/** @param {number} ratio @param {boolean} phone */
export function wishedRatio(ratio, phone) {
  return phone ? Math.min(ratio, PHONE_RATIO) : ratio;
}

export class Sight {
  /** @type {Set<Element>} */
  #within = new Set();
  #cover;
  #sizes;
  #crossings;

  /**
   * @param {HTMLElement} cover what may lie over the tiles when it is not hidden
   * @param {() => void} changed some tile has another size, or is or is not seen any more
   * @param {AbortSignal} signal the end of the call
   */
  constructor(cover, changed, signal) {
    this.#cover = cover;
    this.#sizes = new ResizeObserver(changed);
    this.#crossings = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#within.add(target);
        else this.#within.delete(target);
      }
      changed();
    });
    this.#sizes.observe(cover);
    document.addEventListener('visibilitychange', changed, { signal });
    signal.addEventListener('abort', () => {
      this.#sizes.disconnect();
      this.#crossings.disconnect();
    });
  }

  /** @param {Element} element */
  watch(element) {
    // It counts as seen until the browser reports otherwise, or the first frame would wait for that.
    this.#within.add(element);
    this.#sizes.observe(element);
    this.#crossings.observe(element);
  }

  /** @param {Element} element */
  unwatch(element) {
    this.#within.delete(element);
    this.#sizes.unobserve(element);
    this.#crossings.unobserve(element);
  }

  /** @param {Element} element */
  sizeOf(element) {
    const box = element.getBoundingClientRect();
    const covered = !this.#cover.hidden && isCovered(box, this.#cover.getBoundingClientRect());
    const seen = document.visibilityState === 'visible' && this.#within.has(element) && !covered;
    const phone = matchMedia('(pointer: coarse)').matches;
    return shownSize(box, seen, wishedRatio(devicePixelRatio || 1, phone));
  }
}
