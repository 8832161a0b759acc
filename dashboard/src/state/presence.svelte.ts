// The dead-man check, this side of it: when was the last key or touch, and does the site want an answer. The site judges;
// a browser that says nothing counts as nobody.
import { sayPresent } from '../data/console';
import { session } from './session.svelte';

const EVERY_MS = 10_000;
const KEPT = 'siaga.console';

/** The same for all windows of this browser, for as long as it keeps things. */
function ownId(): string {
  const made = `konsol-${Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  try {
    const kept = localStorage.getItem(KEPT);
    if (kept !== null && /^[a-z0-9][a-z0-9-]{7,39}$/.test(kept)) return kept;
    localStorage.setItem(KEPT, made);
  } catch {
    // This window is a console of its own.
  }
  return made;
}

class Presence {
  readonly console = ownId();
  /** The site wants to know whether somebody is there. */
  asking = $state(false);
  /** Milliseconds until nobody counts as there. */
  leftMs = $state(0);

  private touchedAt = Date.now();
  private askAfterMs = 0;
  private answerWithinMs = 0;
  private begun = false;

  start(): void {
    if (this.begun) return;
    this.begun = true;
    // While asking only a key or a press is an answer: a shaken table is not.
    window.addEventListener('keydown', (ev) => this.answer(ev), { capture: true });
    window.addEventListener('pointerdown', (ev) => this.answer(ev), { capture: true });
    for (const kind of ['pointermove', 'wheel'] as const) {
      window.addEventListener(kind, () => this.asking || this.touch(), { capture: true, passive: true });
    }
    setInterval(() => this.look(), 1000);
    setInterval(() => void this.say(), EVERY_MS);
    void this.say();
  }

  private touch(): void {
    this.touchedAt = Date.now();
  }

  private answer(ev: Event): void {
    this.touch();
    if (!this.asking) return;
    ev.preventDefault(); // the answer is no order to the console
    this.asking = false;
    void this.say();
  }

  private look(): void {
    if (this.askAfterMs === 0) return;
    const idle = Date.now() - this.touchedAt;
    this.leftMs = Math.max(0, this.askAfterMs + this.answerWithinMs - idle);
    if (!this.asking && idle > this.askAfterMs) void this.say();
    this.asking = this.asking && idle > this.askAfterMs;
  }

  private async say(): Promise<void> {
    if (session.standing !== 'signed_in' || session.expired || !session.can('respond')) return;
    try {
      const watched = await sayPresent(this.console, Date.now() - this.touchedAt);
      this.askAfterMs = watched.ask_after_ms;
      this.answerWithinMs = watched.answer_within_ms;
      this.touchedAt = Math.max(this.touchedAt, Date.now() - watched.idle_ms); // another window was touched later
      this.asking = this.askAfterMs > 0 && Date.now() - this.touchedAt > this.askAfterMs;
    } catch {
      // The banner says that the link is down; the site counts us as gone.
    }
  }
}

export const presence = new Presence();
