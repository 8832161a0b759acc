import type { Device, DeviceState } from '../../data';
import { statusWord } from '../../parts/words';
import { healthOf, kindIcon, trouble } from '../devices/trouble';
import type { PlanMark } from './PlanCanvas.svelte';

const STATES = ['good', 'off', 'caution', 'bad'] as const;

/** Devices as they stand on their plan. */
export function marksOf(standing: readonly Device[], state: (id: string) => DeviceState | undefined, siteNow: number): PlanMark[] {
  return standing.flatMap((device): PlanMark[] => {
    const { plan } = device;
    if (!plan) return [];
    const health = healthOf(device, state(device.id), siteNow);
    return [
      {
        id: device.id,
        ...plan,
        icon: kindIcon(device.driver),
        state: STATES[trouble(device, health)] ?? 'caution',
        label: device.alias || device.name,
        says: statusWord(health === 'frozen' ? 'offline' : health),
      },
    ];
  });
}
