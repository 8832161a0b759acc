import type { Act, Event, Incident } from '../../data';
import * as m from '../../paraglide/messages';
import { kindOfEvent } from '../../parts/kinds';
import { ROLES, roleWord, say, whyWord } from '../../parts/words';
import { names } from '../../state/names.svelte';
import type { Alert } from '../../data';

export interface Entry {
  key: string;
  at: string;
  kind: 'act' | 'alert' | 'event';
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
};

/** An act by its name with or without its family: "act.noted" is "noted". */
function actWord(kind: string): string {
  const short = kind.replace(/^act\./, '');
  return ACTS[short]?.() ?? short;
}

/** A role or a person. */
function whom(to: string): string {
  return (ROLES as readonly string[]).includes(to) ? roleWord(to as (typeof ROLES)[number]) : names.of(to);
}

function fromAct(act: Act): Entry {
  const said = [act.to && `${m.deed_escalate_to()}: ${whom(act.to)}`, act.note, act.reason, act.cause && `${m.resolve_cause()}: ${act.cause}`, act.action && `${m.resolve_action()}: ${act.action}`];
  return {
    key: `act ${act.id}`,
    at: act.at,
    kind: 'act',
    what: actWord(act.kind),
    who: act.by_name ?? names.of(act.by),
    where: '',
    note: said.filter((one) => one !== undefined && one !== '').join('\n'),
  };
}

function fromEvent(event: Event): Entry {
  const body = (event.body ?? {}) as { alert?: Alert; reason?: unknown };
  const title = body.alert ? say(body.alert.title) : '';
  return {
    key: `event ${event.seq}`,
    at: event.at,
    kind: event.kind.startsWith('alert.') ? 'alert' : 'event',
    what: kindOfEvent(event.kind),
    who: '',
    where: event.device ?? '',
    note: title !== '' ? title : typeof body.reason === 'string' ? whyWord(body.reason) : '',
  };
}

/** Everything about one incident in the order it happened. What an act already says is not said by its event again. */
export function entries(incident: Incident): Entry[] {
  const acts = (incident.acts ?? []).map(fromAct);
  const events = (incident.timeline ?? [])
    .filter((event) => !event.kind.startsWith('act.') && event.kind !== 'incident.changed')
    .map(fromEvent);
  return [...acts, ...events].sort((a, b) => a.at.localeCompare(b.at));
}
