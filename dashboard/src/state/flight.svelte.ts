import { SvelteMap } from 'svelte/reactivity';
import { newestEvents } from '../data/events';

export interface Fix {
  at: string;
  lat: number;
  lon: number;
  /** Metres above take-off. */
  height: number | null;
  heading: number | null;
}

/** What is known of one aircraft, each with the moment it was heard. */
export interface Aircraft {
  device: string;
  track: readonly Fix[];
  position: Record<string, unknown> | null;
  positionAt: string;
  battery: Record<string, unknown> | null;
  batteryAt: string;
  link: Record<string, unknown> | null;
  linkAt: string;
  mode: string;
}

const TRACK = 400;
const BACK_MS = 15 * 60_000;

export function numberOf(body: Record<string, unknown> | null, key: string): number | null {
  const value = body?.[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The site's own aircraft: newest position, battery and link, and where they flew in the last quarter of an hour. */
class Flight {
  readonly craft = new SvelteMap<string, Aircraft>();
  loaded = $state(false);
  failed = $state<unknown>(null);

  hear(device: string, kind: string, at: string, body: unknown): void {
    if (!/^drone\.(position|battery|link|mode)$/.test(kind) || typeof body !== 'object' || body === null) return;
    const said = body as Record<string, unknown>;
    const known = this.craft.get(device) ?? { device, track: [], position: null, positionAt: '', battery: null, batteryAt: '', link: null, linkAt: '', mode: '' };
    if (kind === 'drone.battery') this.craft.set(device, { ...known, battery: said, batteryAt: at });
    else if (kind === 'drone.link') this.craft.set(device, { ...known, link: said, linkAt: at });
    else if (kind === 'drone.mode') this.craft.set(device, { ...known, mode: String(said['mode'] ?? '') });
    else this.moved(known, at, said);
  }

  /** The way up to now, out of the journal. */
  async load(now: number): Promise<void> {
    const since = new Date(now - BACK_MS).toISOString();
    try {
      const events = await newestEvents({ kind: ['drone.position'], since, limit: '400' });
      for (const event of events.reverse()) this.hear(event.device ?? '', event.kind, event.at, event.body);
      this.failed = null;
      this.loaded = true;
    } catch (err) {
      this.failed = err;
    }
  }

  private moved(known: Aircraft, at: string, said: Record<string, unknown>): void {
    const lat = numberOf(said, 'lat');
    const lon = numberOf(said, 'lon');
    const mode = typeof said['mode'] === 'string' ? said['mode'] : known.mode;
    const newest = at >= known.positionAt;
    const next: Aircraft = newest ? { ...known, position: said, positionAt: at, mode } : known;
    if (lat === null || lon === null || (lat === 0 && lon === 0) || known.track.some((fix) => fix.at === at)) {
      this.craft.set(known.device, next);
      return;
    }
    const fix: Fix = { at, lat, lon, height: numberOf(said, 'height_takeoff_m'), heading: numberOf(said, 'heading_deg') };
    const track = newest ? [...known.track, fix] : [...known.track, fix].sort((a, b) => a.at.localeCompare(b.at));
    this.craft.set(known.device, { ...next, track: track.slice(-TRACK) });
  }
}

export const flight = new Flight();
