import { describe, expect, it } from 'vitest';
import type { Device, DeviceState } from '../src/wire';
import { tileState, type Seen } from '../src/views/wall/tile-state';

const NOW = Date.parse('2026-11-22T14:15:08.000Z');
const camera: Device = { id: 'c', driver: 'rtsp', name: 'C', zone: 'z', enabled: true };
const online = (ago: number): DeviceState => ({ device: 'c', status: 'online', streams: [{ name: 'sub', last_frame_at: new Date(NOW - ago).toISOString() }] });
const offline: DeviceState = { device: 'c', status: 'offline', reason: 'refused', last_seen: new Date(NOW - 90_000).toISOString() };
const seen = (state: Seen['state'], ago: number | null): Seen => ({ state, frameAt: ago === null ? 0 : NOW - ago, unplayable: false });
const look = (site: DeviceState | undefined, eyes: Seen | null, device = camera): string => {
  const { kind, reason, ageMs } = tileState(device, site, eyes, 'sub', NOW, NOW);
  return `${kind}/${reason}/${ageMs}`;
};

describe('what a tile says', () => {
  it('believes its own eyes first', () => {
    expect(look(offline, seen('playing', 200))).toBe('live//200');
    expect(look(undefined, seen('playing', 0))).toBe('live//0');
  });

  it('says why there is no picture', () => {
    expect(look(offline, seen('waiting', null))).toBe('lost/refused/90000');
    expect(look(offline, null)).toBe('lost/refused/90000');
  });

  it('shows a still picture as frozen, with its age', () => {
    expect(look(online(200), seen('frozen', 6_000))).toBe('frozen/no_frames/6000');
    expect(look(online(200), seen('connecting', 20_000))).toBe('frozen/no_frames/20000');
    expect(look(online(41_000), seen('connecting', null))).toBe('frozen//41000');
  });

  it('never shows silence as health', () => {
    expect(look(undefined, null)).toBe('connecting//null');
    expect(look(online(100), seen('connecting', null))).toBe('connecting//100');
  });

  it('says that somebody switched it off', () => {
    expect(look(online(100), seen('playing', 100), { ...camera, enabled: false })).toBe('disabled//null');
  });
});
