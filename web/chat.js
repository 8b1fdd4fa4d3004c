/** The chat panel. */

import { announce, byId, el, hue, toast } from './dom.js';
import { language, onLanguage, t } from './i18n.js';

/** @typedef {import('./messages.js').ChatMessage} ChatMessage */

const lines = byId('chat-lines', HTMLElement);
const text = byId('chat-text', HTMLTextAreaElement);
const form = byId('chat-form', HTMLFormElement);
const badge = byId('chat-badge', HTMLElement);

/** Messages of one person within this many seconds stand under one name. */
const TOGETHER = 180;

export class Chat {
  /** @type {ChatMessage | null} */
  #last = null;
  #unread = 0;
  #visible = false;
  /** @type {HTMLElement[]} */
  #waiting = [];
  #mine;

  /**
   * @param {(text: string) => boolean} send false when it could not be sent
   * @param {(participant: string) => boolean} mine
   */
  constructor(send, mine) {
    this.#mine = mine;
    lines.replaceChildren();
    this.#showEmpty();
    this.#showUnread();
    text.value = '';
    form.onsubmit = (event) => {
      event.preventDefault();
      const written = text.value.trim();
      if (!written) return;
      if (send(written)) text.value = '';
      else toast(t('chat.notSent'), 'problem');
      grow();
      text.focus();
    };
    text.oninput = grow;
    text.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    };
    onLanguage(() => this.#showUnread());
  }

  /** @param {boolean} visible */
  visible(visible) {
    this.#visible = visible;
    if (!visible) return;
    this.#unread = 0;
    this.#showUnread();
    lines.scrollTop = lines.scrollHeight;
    text.focus();
  }

  /**
   * What was written here and is not in the room yet: last, and paler.
   *
   * @param {string[]} written
   */
  waiting(written) {
    for (const line of this.#waiting) line.remove();
    this.#waiting = written.map((line) => el('li', { class: 'chat-line mine waiting' },
      el('p', { class: 'chat-text', dir: 'auto' }, line)));
    lines.append(...this.#waiting);
    this.#showEmpty();
    if (written.length > 0) lines.scrollTop = lines.scrollHeight;
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} news false for what was said before we came
   */
  add(message, news) {
    const mine = this.#mine(message.participant);
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    lines.insertBefore(this.#line(message, mine), this.#waiting[0] ?? null);
    this.#last = message;
    this.#showEmpty();
    if (atEnd || mine) lines.scrollTop = lines.scrollHeight;
    if (!news || mine) return;
    announce(t('chat.from', { name: message.name, text: message.text }));
    if (this.#visible) return;
    this.#unread += 1;
    this.#showUnread();
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} mine
   */
  #line(message, mine) {
    const last = this.#last;
    const follows = last?.participant === message.participant
      && last.name === message.name && message.at - last.at < TOGETHER;
    const body = el('p', { class: 'chat-text', dir: 'auto' }, ...linked(message.text));
    const line = el('li', { class: mine ? 'chat-line mine' : 'chat-line' });
    if (!follows) {
      const time = new Date(message.at * 1000);
      const name = el('bdi', { class: 'chat-name' }, mine ? t('room.you') : message.name);
      name.style.setProperty('--hue', String(hue(message.name)));
      line.append(el('p', { class: 'chat-from' }, name,
        el('time', { datetime: time.toISOString() },
          time.toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' }))));
    }
    line.append(body);
    return line;
  }

  #showEmpty() {
    byId('chat-empty', HTMLElement).hidden = lines.childElementCount > 0;
  }

  #showUnread() {
    badge.hidden = this.#unread === 0;
    badge.textContent = this.#unread > 9 ? '9+' : String(this.#unread);
  }

  /** For the chat button's name; empty when there is nothing new. */
  get unreadText() {
    return this.#unread ? t('chat.unread', { count: this.#unread }) : '';
  }
}

function grow() {
  text.style.height = 'auto';
  text.style.height = `${Math.min(text.scrollHeight + 2, 140)}px`;
}

/**
 * Text with its web addresses made into links.
 *
 * @param {string} written
 * @returns {(Node | string)[]}
 */
function linked(written) {
  return written.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]'])/g).map((part, index) =>
    index % 2 === 1
      ? el('a', { href: part, target: '_blank', rel: 'noopener noreferrer' }, part)
      : part);
}
