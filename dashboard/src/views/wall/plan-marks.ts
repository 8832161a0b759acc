// What stands on the live plan: devices where the technician put them, or else where their zone is; aircraft where they fly.
import type { Alert, Device, DeviceState, FloorPlan, PlanSpot, Zone } from '../../data';
import type { IconName } from '../../parts/icons';
import type { PlanMark } from '../plan/PlanCanvas.svelte';

const ICON: Record<string, IconName> = {
  rtsp: 'camera', onvif: 'camera', radio: 'radio', aircraft: 'drone', dji: 'gateway', mmdvm: 'gateway', zigbee2mqtt: 'gateway',
};

export const iconOf = (device: Device): IconName => ICON[device.driver] ?? 'sensor';

/** Those without a place of their own stand in a row below their zone's. */
const STEP = 0.035;

export interface Standing {
  device: Device;
  spot: PlanSpot;
}

/** Where each device stands on a plan. */
export function standing(plan: FloorPlan, devices: Iterable<Device>, zones: ReadonlyMap<string, Zone>, floorOf: (spot: PlanSpot | null | undefined) => FloorPlan | undefined): Standing[] {
  const beside = new Map<string, number>();
  return [...devices].flatMap((device) => {
    if (floorOf(device.plan)?.zone === plan.zone && device.plan) return [{ device, spot: device.plan }];
    if (device.plan || device.driver === 'aircraft') return [];
    const spot = zones.get(device.zone)?.plan;
    if (!spot || floorOf(spot)?.zone !== plan.zone) return [];
    const n = beside.get(device.zone) ?? 0;
    beside.set(device.zone, n + 1);
    return [{ device, spot: { x: Math.min(0.98, spot.x + (n % 4) * STEP), y: Math.min(0.97, spot.y + 0.05 + Math.floor(n / 4) * STEP * 1.6) } }];
  });
}

/** How a mark looks: an alert first, then what the device says of itself. */
export function markState(device: Device, state: DeviceState | undefined, alert: Alert | undefined): PlanMark['state'] {
  if (alert !== undefined && (alert.priority === 'critical' || alert.priority === 'important')) return 'alert';
  if (!device.enabled || state?.status === 'disabled') return 'off';
  if (state?.status === 'offline') return 'bad';
  if (state?.status === 'connecting') return 'caution';
  return state?.status === 'online' ? 'good' : 'off'; // nothing heard of it yet
}
