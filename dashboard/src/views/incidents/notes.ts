// The line below an entry of the timeline: what the event itself says beyond its kind.
import type { Alert, Event } from '../../data';
import * as m from '../../paraglide/messages';
import { modeWord, taskWord } from '../../parts/flight';
import { duration } from '../../parts/time';
import { say, whyWord } from '../../parts/words';

type Body = Record<string, unknown>;

const LONGEST = 300;

export const CALL_ENDS = new Set(['radio.call_ended', 'radio.call_lost', 'radio.call_timeout']);

const text = (body: Body, key: string): string => (typeof body[key] === 'string' ? body[key].slice(0, LONGEST) : '');
const percent = (body: Body): string => (typeof body['percent'] === 'number' ? `${body['percent']} %` : '');
const list = (...parts: string[]): string => parts.filter((one) => one !== '').join(', ');
const called = (body: Body): string => text((body['after'] ?? {}) as Body, 'name');
const lasted = (body: Body): string => (typeof body['duration_s'] === 'number' ? duration(body['duration_s'] * 1000) : '');

function limits(body: Body): string {
  return list(body['near_height'] === true ? m.limit_height() : '', body['near_area'] === true ? m.limit_area() : '', body['near_distance'] === true ? m.limit_distance() : '');
}

const OWN: Record<string, (body: Body) => string> = {
  'drone.mode': (body) => modeWord(text(body, 'mode')),
  'drone.task': (body) => list(text(body, 'status') && taskWord(text(body, 'status')), percent(body)),
  'drone.limits': limits,
  'drone.hms_raised': (body) => text(body, 'code'),
  'drone.hms_cleared': (body) => text(body, 'code'),
  'radio.gateway_message': (body) => text(body, 'message'),
  'sensor.battery_low': percent,
  'device.described': (body) => list(text(body, 'vendor'), text(body, 'model'), text(body, 'software'), text(body, 'firmware')),
  'zone.added': called,
  'zone.changed': called,
};

export function noteOf(event: Event): string {
  const body = (event.body ?? {}) as Body;
  if (body['alert']) return say((body['alert'] as Alert).title);
  if (CALL_ENDS.has(event.kind)) return lasted(body);
  const own = OWN[event.kind]?.(body) ?? '';
  if (own !== '') return own;
  const reason = text(body, 'reason');
  const why = whyWord(reason);
  return why === reason ? text(body, 'text') : why;
}
