import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { devices } from '../src/state/devices.svelte';
import type { DeviceState } from '../src/wire';

const state = (device: string, status: DeviceState['status']): DeviceState => ({ device, status, streams: [] }) as unknown as DeviceState;

describe('what the site tells of its devices', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is shown together, however many it tells one by one', () => {
    const shown = vi.spyOn(devices.states, 'set');
    for (let n = 0; n < 10_000; n++) devices.heard(state(`k-${n}`, 'offline'));
    devices.heard(state('k-7', 'online'));
    expect(shown).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(shown).toHaveBeenCalledTimes(10_000);
    expect(devices.state('k-7')?.status).toBe('online');
  });

  it('does not outlive a fresh start', () => {
    devices.heard(state('gone', 'online'));
    devices.snapshot([state('here', 'online')]);
    vi.runAllTimers();
    expect([...devices.states.keys()]).toEqual(['here']);
  });
});
