import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime';
import { entries } from '../src/views/incidents/timeline';
import type { Act, Event, Incident } from '../src/wire';

overwriteGetLocale(() => 'id');
const at = (second: number): string => `2026-11-22T14:00:${String(second).padStart(2, '0')}.000Z`;
const act = (kind: string, more: Partial<Act> = {}): Act => ({ id: kind, kind, by: '', at: at(0), ...more }) as Act;
const radio = (seq: number, kind: string, device: string, body = {}): Event => ({ seq, kind, device, at: at(seq), body }) as Event;
const told = (more: Partial<Incident>) => entries(more as Incident);

describe('the timeline of an incident', () => {
  it('says in words that the site itself passed it up, to whom and why', () => {
    const [up, police] = told({ acts: [act('act.escalated', { to: 'leader', reason: 'not_accepted' }), act('act.escalated', { id: '2', to: 'police', reason: 'not_accepted' })] });
    expect(up?.who).toBe('Sistem');
    expect(up?.note).toBe('Kepada: Danru\nBelum diterima siapa pun');
    expect(police?.note).toContain('Kepada: Polisi');
  });

  it('leaves the reason that a person wrote as it is', () => {
    expect(told({ acts: [act('act.false_alarm', { by: 'p-1', by_name: 'Rahmat', reason: 'unknown' })] })[0]).toMatchObject({ who: 'Rahmat', note: 'unknown' });
  });

  it('makes one line of a call that ended, and keeps the beginning of one that did not', () => {
    const list = told({ timeline: [radio(1, 'radio.call_started', 'a'), radio(2, 'radio.call_started', 'b'), radio(3, 'radio.call_ended', 'a', { duration_s: 2.1 }), radio(4, 'radio.call_started', 'a')] });
    expect(list.map((entry) => `${entry.event} ${entry.where}`)).toEqual(['radio.call_started b', 'radio.call_ended a', 'radio.call_started a']);
    expect(list[1]?.note).toBe('2 detik');
  });

  it.each([
    ['drone.mode', { mode: 'return_home' }, 'Pulang'],
    ['drone.mode', { mode: 'unknown(77)' }, 'unknown(77)'],
    ['drone.task', { status: 'in_progress', percent: 46 }, 'Berjalan, 46 %'],
    ['drone.limits', { near_height: true, near_area: false, near_distance: true }, 'batas tinggi, batas jarak'],
    ['device.described', { vendor: 'SONOFF', model: 'SNZB-03P', firmware: '2.2.2' }, 'SONOFF, SNZB-03P, 2.2.2'],
    ['zone.added', { after: { name: 'Gudang Depan' } }, 'Gudang Depan'],
    ['sensor.battery_low', { percent: 4 }, '4 %'],
    ['radio.text', { text: 'POS 2' }, 'POS 2'],
    ['gap.opened', { reason: 'unreachable' }, 'Tidak terjangkau di jaringan'],
    ['door.opened', 'not an object', ''],
  ])('says of %s %o what it is about', (kind, body, note) => {
    expect(told({ timeline: [{ seq: 1, kind, device: 'a', at: at(0), body } as unknown as Event] })[0]?.note).toBe(note);
  });
});
