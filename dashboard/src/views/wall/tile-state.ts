import type { Device, DeviceState } from '../../data';

/** What the player of a tile knows of itself. */
export interface Seen {
  state: 'connecting' | 'playing' | 'frozen' | 'waiting';
  /** Browser time of the newest picture, 0 before the first. */
  frameAt: number;
  /** The browser cannot play this at all, or this person may not see it. */
  unplayable: boolean;
  forbidden?: boolean;
}

export type TileKind = 'live' | 'connecting' | 'frozen' | 'lost' | 'disabled' | 'unplayable';

export interface TileState {
  kind: TileKind;
  /** Why, in the API's word; '' when there is nothing to say. */
  reason: string;
  /** Age of the newest picture in milliseconds; null when there was none. */
  ageMs: number | null;
}

/** The site says that a stream is dead after 7 s; older than this is old whatever else is said. */
const OLD_MS = 7_000;

/**
 * What a tile says of its camera. Our own eyes come first: while pictures arrive it is live, whatever the last message
 * said. Without pictures the site's word explains why. Silence is never shown as health.
 */
export function tileState(device: Device, site: DeviceState | undefined, seen: Seen | null, stream: string, browserNow: number, siteNow: number): TileState {
  if (!device.enabled || site?.status === 'disabled') return { kind: 'disabled', reason: '', ageMs: null };
  const ageMs = newest(site, seen, stream, browserNow, siteNow);
  if (seen?.state === 'playing') return { kind: 'live', reason: '', ageMs };
  if (site?.status === 'offline') return { kind: 'lost', reason: site.reason ?? 'unknown', ageMs };
  if (seen?.unplayable) return { kind: 'unplayable', reason: '', ageMs };
  if (seen?.state === 'frozen' || (seen !== null && seen.frameAt > 0)) return { kind: 'frozen', reason: 'no_frames', ageMs };
  if (ageMs !== null && ageMs > OLD_MS) return { kind: 'frozen', reason: site?.reason ?? '', ageMs };
  return { kind: 'connecting', reason: site?.reason ?? '', ageMs };
}

function newest(site: DeviceState | undefined, seen: Seen | null, stream: string, browserNow: number, siteNow: number): number | null {
  if (seen !== null && seen.frameAt > 0) return Math.max(0, browserNow - seen.frameAt);
  const told = site?.streams?.find((one) => one.name === stream)?.last_frame_at ?? site?.streams?.[0]?.last_frame_at ?? site?.last_seen;
  const at = told ? Date.parse(told) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, siteNow - at);
}
