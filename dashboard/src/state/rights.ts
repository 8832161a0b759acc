// What a person may do, in the words of the screens. The site decides; this only hides what it would refuse.
import type { Role } from '../wire';

export type Right =
  | 'console' // see the wall and the alerts
  | 'respond' // accept and handle
  | 'close' // close a critical incident as the second person
  | 'incidents' // read incidents
  | 'footage' // play the footage of an incident
  | 'devices' // see the devices
  | 'install' // add, change, switch devices
  | 'people'; // add and change people

/** The site's words that open each; one of them is enough. */
const WORDS: Record<Right, readonly string[]> = {
  console: ['live_console'],
  respond: ['accept_alert', 'handle_alerts'],
  close: ['close_critical'],
  incidents: ['live_console', 'events', 'read_log'],
  footage: ['play_incident', 'play_any', 'play_purpose'],
  devices: ['view_devices', 'read_devices', 'devices', 'manage_devices'],
  install: ['devices', 'manage_devices'],
  people: ['people', 'manage_people'],
};

export function allows(rights: readonly string[], right: Right): boolean {
  return WORDS[right].some((word) => rights.includes(word));
}

/** Where a role begins its work. */
export function firstPage(role: Role): 'console' | 'incidents' | 'devices' | 'people' {
  switch (role) {
    case 'chair':
    case 'auditor':
    case 'it-security':
      return 'incidents';
    case 'technician':
      return 'devices';
    case 'administrator':
      return 'people';
    default:
      return 'console';
  }
}
