import type { Alert } from '../../data';
import { zonedTime, type SiteTime } from '../../parts/time';
import { priorityWord, say } from '../../parts/words';

/** Where it is: the call sign and the zone, neither said twice. */
export function alertPlace(alert: Alert, zone: string, device: string): string {
  const alias = alert.alias?.trim() || device;
  if (alias === '' || zone.toLowerCase().includes(alias.toLowerCase())) return zone;
  if (alias.toLowerCase().includes(zone.toLowerCase())) return alias;
  return `${alias} ${zone}`;
}

/** State first, place second, time third: KRITIS - Tombol panik - Pos 2 Gudang Belakang - 01.07.12 WITA */
export function alertParts(alert: Alert, zone: string, device: string, site: SiteTime): [state: string, title: string, place: string, time: string] {
  return [priorityWord(alert.priority).toUpperCase(), say(alert.title), alertPlace(alert, zone, device), zonedTime(alert.raised_at, site)];
}

