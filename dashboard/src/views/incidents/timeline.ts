import type { Act, Event, Incident, Reference } from '../../data';
import type { Mark } from '../footage/marks';
import * as m from '../../paraglide/messages';
import { kindOfEvent } from '../../parts/kinds';
import { partyWord, whyWord } from '../../parts/words';
import { names } from '../../state/names.svelte';
import { CALL_ENDS, noteOf } from './notes';

/** Where an entry comes from, for leaving sources out. */
export const SOURCES = ['alert', 'act', 'video', 'radio', 'flight', 'sensor', 'system'] as const;
export type Source = (typeof SOURCES)[number];

const FAMILY: Record<string, Source> = {
  alert: 'alert',
  incident: 'alert',
  act: 'act',
  camera: 'video',
  recording: 'video',
  segment: 'video',
  gap: 'video',
  hold: 'video',
  radio: 'radio',
  drone: 'flight',
  dock: 'flight',
  rc: 'flight',
  door: 'sensor',
  motion: 'sensor',
  smoke: 'sensor',
  water: 'sensor',
  gas: 'sensor',
  vibration: 'sensor',
  alarm: 'sensor',
  tamper: 'sensor',
  power: 'sensor',
  sensor: 'sensor',
};

const sourceOf = (kind: string): Source => FAMILY[kind.split('.')[0] ?? ''] ?? 'system';

const SOURCE_WORD: Record<Source, () => string> = {
  alert: m.source_alert,
  act: m.source_act,
  video: m.source_video,
  radio: m.source_radio,
  flight: m.source_flight,
  sensor: m.source_sensor,
  system: m.source_system,
};

export const sourceWord = (source: Source): string => SOURCE_WORD[source]();

export interface Entry {
  key: string;
  at: string;
  kind: 'act' | 'alert' | 'event';
  source: Source;
  /** The event's own kind. */
  event: string;
  what: string;
  who: string;
  where: string;
  note: string;
}

const ACTS: Record<string, () => string> = {
  acknowledged: m.act_acknowledged,
  acknowledge: m.act_acknowledged,
  responded: m.act_responded,
  respond: m.act_responded,
  escalated: m.act_escalated,
  escalate: m.act_escalated,
  noted: m.act_noted,
  note: m.act_noted,
  resolved: m.act_resolved,
  resolve: m.act_resolved,
  closed: m.act_closed,
  close: m.act_closed,
  false_alarm: m.act_false_alarm,
  'false-alarm': m.act_false_alarm,
  duplicate: m.act_duplicate,
  drill: m.act_drill,
  reopened: m.act_reopened,
  reopen: m.act_reopened,
  split: m.act_split,
  merged: m.act_merged,
  merge: m.act_merged,
  viewed: m.ev_footage_viewed,
  reported: m.act_reported,
  referenced: m.act_referenced,
};

const OFFICE: Record<string, () => string> = {
  police: m.office_police,
  bawaslu: m.office_bawaslu,
  gakkumdu: m.office_gakkumdu,
  dkpp: m.office_dkpp,
  csirt: m.office_csirt,
  pdp: m.office_pdp,
  fire: m.office_fire,
  handover: m.office_handover,
  other: m.office_other,
};

export const OFFICES: readonly string[] = Object.keys(OFFICE);
export const officeWord = (office: string): string => OFFICE[office]?.() ?? office;

function pointer(reference: Reference | null | undefined): string {
  if (!reference) return '';
  return `${officeWord(reference.office)}: ${reference.number}${reference.withdrawn === true ? ` (${m.ref_withdrawn()})` : ''}`;
}

/** An act by its name with or without its family: "act.noted" is "noted". */
function actWord(kind: string): string {
  const short = kind.replace(/^act\./, '');
  return ACTS[short]?.() ?? short;
}

/** A role, a party outside, or a person. */
function whom(to: string): string {
  const word = partyWord(to);
  return word === to ? names.of(to) : word;
}

/** People write their reason; the site gives a code. */
const reasonOf = (act: Act): string | undefined => (act.by ? act.reason : act.reason && whyWord(act.reason));

function fromAct(act: Act): Entry {
  const said = [act.kind !== 'act.viewed' && act.to && `${m.deed_escalate_to()}: ${whom(act.to)}`, act.note, reasonOf(act), act.cause && `${m.resolve_cause()}: ${act.cause}`, act.action && `${m.resolve_action()}: ${act.action}`, pointer(act.reference)];
  return {
    key: `act ${act.id}`,
    at: act.at,
    kind: 'act',
    source: act.kind === 'act.viewed' ? 'video' : 'act',
    event: act.kind,
    what: actWord(act.kind),
    who: act.by_name || names.of(act.by) || m.source_system(),
    where: '',
    note: said.filter((one) => one !== undefined && one !== '' && one !== false).join('\n'),
  };
}

function fromEvent(event: Event): Entry {
  return {
    key: `event ${event.seq}`,
    at: event.at,
    kind: event.kind.startsWith('alert.') ? 'alert' : 'event',
    source: sourceOf(event.kind),
    event: event.kind,
    what: kindOfEvent(event.kind),
    who: '',
    where: event.device ?? '',
    note: noteOf(event),
  };
}

/** Without the beginnings of calls whose end is there too: the end tells how long it was. */
function wholeCalls(events: readonly Event[]): Event[] {
  const ended = new Set<string>();
  const kept: Event[] = [];
  for (const event of [...events].reverse()) {
    if (CALL_ENDS.has(event.kind)) ended.add(event.device ?? '');
    if (event.kind !== 'radio.call_started' || !ended.delete(event.device ?? '')) kept.push(event);
  }
  return kept.reverse();
}

/** Everything about one incident in the order it happened. What an act already says is not said by its event again. */
export function entries(incident: Incident): Entry[] {
  const acts = (incident.acts ?? []).map(fromAct);
  const events = wholeCalls(incident.timeline ?? [])
    .filter((event) => !event.kind.startsWith('act.') && event.kind !== 'incident.changed' && !(event.kind === 'alert.updated' && event.actor))
    .map(fromEvent);
  return [...acts, ...events].sort((a, b) => a.at.localeCompare(b.at));
}

/** The same on the line below the pictures; what the system says of itself is left out there. */
export function marksOf(list: readonly Entry[]): Mark[] {
  return list
    .filter((entry) => entry.source !== 'system')
    .map((entry) => ({
      key: entry.key,
      at: Date.parse(entry.at),
      kind: entry.source === 'video' || entry.source === 'sensor' || entry.source === 'system' ? 'event' : entry.source,
      word: entry.what,
    }));
}
