import { Live, type LiveSink } from '../data/live';
import type { Alert, Event, Incident } from '../wire';
import { cards } from './cards.svelte';
import { cases } from './cases.svelte';
import { clock } from './clock.svelte';
import { devices } from './devices.svelte';
import { flight } from './flight.svelte';
import { names } from './names.svelte';
import { places } from './places.svelte';
import { plans } from './plans.svelte';
import { radio } from './radio.svelte';
import { session } from './session.svelte';

/** How long a break may last before the banner shows; a quick reconnect should not startle anyone. */
const PATIENCE_MS = 1_500;

class Link implements LiveSink {
  up = $state(false);
  /** True until the first hello of this visit. */
  fresh = $state(true);
  /** Browser time of the last sign of life, in milliseconds. */
  contactAt = $state(Date.now());
  /** Browser time since when the link is down; null while it is up. */
  private downSince = $state<number | null>(null);
  private tick = $state(Date.now());
  readonly lost = $derived(this.downSince !== null && this.tick - this.downSince > PATIENCE_MS);
  readonly silentMs = $derived(Math.max(0, this.tick - this.contactAt));

  private live: Live | null = null;

  start(): void {
    if (this.live !== null) return;
    this.live = new Live(this);
    this.live.start();
    this.downSince = Date.now();
    setInterval(() => (this.tick = Date.now()), 500);
    window.addEventListener('online', () => this.live?.nudge());
    document.addEventListener('visibilitychange', () => this.live?.nudge());
    void this.reload();
  }

  /** After a new sign-in: the same place in the journal, another session. */
  again(): void {
    if (this.live === null) this.start();
    else this.live.start();
  }

  retry(): void {
    this.live?.nudge();
  }

  link(up: boolean): void {
    if (up && !this.up && !this.fresh) void this.reload();
    this.up = up;
    if (up) {
      this.fresh = false;
      this.downSince = null;
    } else {
      this.downSince ??= Date.now();
      void session.check(); // a socket that is refused does not say why
    }
  }

  contact(siteTime?: string): void {
    this.contactAt = Date.now();
    if (siteTime !== undefined) clock.hear(siteTime);
  }

  site: LiveSink['site'] = (site) => session.hear(site);

  snapshot: LiveSink['snapshot'] = (_site, snapshot) => {
    devices.snapshot(snapshot.devices ?? []);
    cases.snapshot(snapshot.alerts ?? [], snapshot.incidents ?? []);
    for (const [device, kinds] of Object.entries(snapshot.samples ?? {})) {
      for (const [kind, sample] of Object.entries(kinds)) {
        const { at, body } = sample as { at: string; body: unknown };
        flight.hear(device, kind, at, body);
      }
    }
  };

  event(event: Event): void {
    const body = (event.body ?? {}) as { alert?: Alert; incident?: Incident };
    if (body.alert) cases.hearAlert(body.alert);
    if (body.incident) cases.hearIncident(body.incident);
    const family = event.kind.split('.', 1)[0];
    if (family === 'radio') radio.hear(event);
    if (family === 'drone') flight.hear(event.device ?? '', event.kind, event.at, event.body);
    if (family === 'person') void names.load().catch(() => undefined);
    if (family === 'setting' && session.can('console')) void cards.load().catch(() => undefined);
    if (family === 'zone') void Promise.all([places.load(), plans.load()]).catch(() => undefined);
    if (family === 'device' && event.device && session.can('devices')) void devices.fetch(event.device);
  }

  device: LiveSink['device'] = (state) => devices.heard(state);

  sample: LiveSink['sample'] = (device, kind, at, body) => flight.hear(device, kind, at, body);

  signedOut(): void {
    // Other roles end the channel too, with the session standing: then it only has to be opened again.
    void session.expire().then((again) => {
      if (again) this.again();
    });
  }

  /** What the live channel does not carry in full: names, zones, cards, and what was before. */
  private async reload(): Promise<void> {
    const console = session.can('console') && session.can('incidents');
    await Promise.allSettled([console ? Promise.all([cards.load(), radio.load(), flight.load(clock.now)]) : undefined, places.load(), plans.load(), names.load(), session.can('devices') ? devices.load() : undefined]);
  }
}

export const link = new Link();
