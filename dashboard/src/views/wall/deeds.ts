import type { Incident, Role } from '../../data';

/** What a person can do to an incident from the console. */
export interface Deeds {
  respond(incident: Incident): void;
  resolve(incident: Incident): void;
  escalate(incident: Incident): void;
  write(incident: Incident, what: 'note' | 'false-alarm'): void;
}

/** From the guard's post upwards. */
const LADDER: readonly Role[] = ['guard', 'leader', 'secretariat', 'chair'];

/** To whom an incident goes next: above the one it was passed to, and above the one who passes it; '' at the top. */
export function nextAbove(incident: Incident, role: Role): string {
  const stands = LADDER.findIndex((one) => one === incident.escalated_to);
  const own = LADDER.indexOf(role);
  if (incident.escalated_to === 'police') return '';
  return LADDER[Math.max(stands, own, 0) + 1] ?? '';
}
