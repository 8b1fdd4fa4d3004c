/** A small menu that opens at a button and closes after a choice, a click elsewhere or Escape. */

import { el, icon } from '../shared/dom.js';

/** @typedef {{icon: string, text: string, act: () => void}} MenuItem */

/** @type {(() => void) | null} */
let closeOpen = null;

/**
 * Open it, or close it if it is open at this button.
 *
 * @param {HTMLElement} button
 * @param {MenuItem[]} items
 */
export function openMenu(button, items) {
  const again = button.getAttribute('aria-expanded') === 'true';
  closeOpen?.();
  if (again) return;
  const menu = el('div', { class: 'menu', role: 'menu' });
  const closing = new AbortController();
  const { signal } = closing;
  const close = (back = true) => {
    closing.abort();
    menu.remove();
    button.setAttribute('aria-expanded', 'false');
    closeOpen = null;
    if (back) button.focus();
  };
  closeOpen = () => close(false);
  menu.append(...items.map((item) => {
    const choice = el('button', { class: 'menu-item', type: 'button', role: 'menuitem' },
      icon(item.icon), el('span', {}, item.text));
    choice.onclick = () => {
      close();
      item.act();
    };
    return choice;
  }));
  document.body.append(menu);
  place(menu, button);
  button.setAttribute('aria-expanded', 'true');
  menu.addEventListener('keydown', (event) => walk(event, menu, close));
  document.addEventListener('pointerdown', (event) => {
    const target = /** @type {Node} */ (event.target);
    if (!menu.contains(target) && !button.contains(target)) close(false);
  }, { signal, capture: true });
  addEventListener('resize', () => close(false), { signal });
  menu.querySelector('button')?.focus();
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} menu
 * @param {() => void} close
 */
function walk(event, menu, close) {
  const items = [...menu.querySelectorAll('button')];
  const at = items.findIndex((item) => item === document.activeElement);
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault();
    close();
  } else if (event.key in steps) {
    event.preventDefault();
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    items[(at + step + items.length) % items.length]?.focus();
  } else {
    return;
  }
  event.stopPropagation();
}

/**
 * Below the button if there is room, above it if not, and never beside the page.
 *
 * @param {HTMLElement} menu
 * @param {HTMLElement} button
 */
function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const below = at.bottom + 6;
  const top = below + height > innerHeight - 8 ? at.top - height - 6 : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${Math.max(8, top)}px`;
}
