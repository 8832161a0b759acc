// What a person may do, in the words of the screens. The site decides; this only hides what it would refuse.
import type { Role } from '../wire';

export type Right =
  | 'console' // see the wall and the alerts
  | 'respond' // accept and handle
  | 'close' // close a critical incident as the second person
  | 'incidents' // read incidents
  | 'footage' // play the footage of an incident
  | 'footage_closed' // also of an incident that is over
  | 'devices' // see the devices
  | 'picture' // see the picture of a device; a technician of those they registered
  | 'install' // add, change, switch devices
  | 'zones' // add and change zones and their floor plans
  | 'arm' // arm, disarm, lock up and open zones
  | 'places' // see the page of zones: who may do either of the two
  | 'settings' // see the settings of the program
  | 'configure' // change them
  | 'people'; // add and change people

/** The site's word for each, or words of which one is enough, and how far it must reach. */
const NEEDS: Record<Right, readonly [words: string, scopes: readonly string[]]> = {
  console: ['live_console', ['full', 'read']],
  respond: ['accept_alert', ['full', 'siber']],
  close: ['close_critical', ['full', 'siber']],
  incidents: ['events', ['full', 'siber']],
  footage: ['play_incident', ['full', 'siber']],
  footage_closed: ['play_any', ['full']],
  devices: ['view_devices', ['full', 'read']],
  picture: ['live_console', ['full', 'read', 'test']],
  install: ['devices', ['full']],
  zones: ['zones', ['full']],
  arm: ['arm', ['full']],
  places: ['arm zones', ['full']],
  settings: ['settings devices', ['full']],
  configure: ['settings', ['full']],
  people: ['people', ['full']],
};

export function allows(scopes: Record<string, string>, right: Right): boolean {
  const [words, enough] = NEEDS[right];
  return words.split(' ').some((word) => enough.includes(scopes[word] ?? ''));
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
