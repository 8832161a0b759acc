import type { Zone, ZoneChange, ZoneDraft } from '../wire';
import { ask, askAll, toQuery } from './http';

export function listZones(): Promise<Zone[]> {
  return askAll('/zones');
}

const at = (id: string): string => `/zones/${encodeURIComponent(id)}`;

export function addZone(draft: ZoneDraft): Promise<Zone> {
  return ask('/zones', { method: 'POST', body: draft });
}

export function changeZone(id: string, change: ZoneChange): Promise<Zone> {
  return ask(at(id), { method: 'PATCH', body: change });
}

export function removeZone(id: string, reason: string): Promise<void> {
  return ask(at(id) + toQuery({ reason }), { method: 'DELETE' });
}

export type ZoneSwitch = 'arm' | 'disarm' | 'lock' | 'unlock';

/** Opening a zone that is locked up also needs a second person. */
export function switchZone(id: string, to: ZoneSwitch, reason: string, second = ''): Promise<Zone> {
  return ask(`${at(id)}/${to}`, { method: 'POST', body: second === '' ? { reason } : { reason, second } });
}
