import { beforeEach, describe, expect, it } from 'vitest';
import { useSeam } from '../src/data/seam';
import { cases } from '../src/state/cases.svelte';
import type { Alert, Incident, IncidentState, Priority } from '../src/wire';

const alert = (id: string, priority: Priority, raised: string, more: Partial<Alert> = {}): Alert => ({
  id, rule: 'r', key: id, category: 'radio', priority, title: { id: 'T', en: 'T' }, device: 'd', zone: 'z', state: 'active',
  raised_at: `2026-11-22T14:${raised}.000Z`, updated_at: '', count: 1, incident: `i-${id}`, ...more,
});
const incident = (id: string, state: IncidentState, more: Partial<Incident> = {}): Incident => ({
  id: `i-${id}`, number: '2026-000001', state, priority: 'critical', category: 'radio', title: { id: 'T', en: 'T' }, zone: 'z',
  opened_at: '2026-11-22T14:00:00.000Z', updated_at: '', ...more,
});
const taken = { acknowledged_by: 'p-2', acknowledged_at: '2026-11-22T14:10:00.000Z' };
const order = (): string[] => cases.waiting.map((one) => one.id);

let answer: () => Response;
beforeEach(() => {
  cases.snapshot([], []);
  useSeam({
    fetch: (path) => Promise.resolve(path.includes('/names') ? new Response('{"items":[]}') : answer()),
    socket: () => {
      throw new Error('not here');
    },
  });
});

describe('the queue', () => {
  it('puts the most urgent first, and among equals the one that waits longest', () => {
    cases.snapshot(
      [alert('a', 'caution', '00:00'), alert('b', 'critical', '05:00'), alert('c', 'important', '01:00'), alert('d', 'critical', '02:00')],
      ['a', 'b', 'c', 'd'].map((id) => incident(id, 'new')),
    );
    expect(order()).toEqual(['d', 'b', 'c', 'a']);
  });

  it('keeps what was never accepted although it is over', () => {
    cases.snapshot([alert('a', 'important', '00:00', { state: 'cleared' })], [incident('a', 'new')]);
    expect(order()).toEqual(['a']);
  });

  it('wants important alerts accepted anew when they join an accepted incident, and covers lesser ones', () => {
    cases.snapshot(
      [alert('a', 'critical', '00:00', taken), alert('b', 'important', '12:00', { incident: 'i-a' }), alert('c', 'caution', '12:00', { incident: 'i-a' })],
      [incident('a', 'acknowledged', taken)],
    );
    expect(order()).toEqual(['b']);
    expect(cases.handled.map((one) => one.id)).toEqual(['i-a']);
  });

  it('is one row an incident: what joined an unanswered one is counted behind the gravest, info too', () => {
    cases.snapshot(
      [alert('a', 'important', '00:00'), alert('b', 'critical', '01:00', { incident: 'i-a' }), alert('c', 'info', '02:00', { incident: 'i-a' })],
      [incident('a', 'new')],
    );
    expect(order()).toEqual(['b']);
    expect(cases.waiting.map((one) => cases.besides(one))).toEqual([2]);
  });

  it('never holds an info alert that joined an accepted incident', () => {
    cases.snapshot([alert('a', 'critical', '00:00', taken), alert('b', 'info', '12:00', { incident: 'i-a' })], [incident('a', 'handling', taken)]);
    expect(order()).toEqual([]);
  });

  it('shows what belongs to no incident as news that nobody has to accept', () => {
    cases.snapshot([alert('a', 'info', '00:00', { incident: '' })], []);
    expect(order()).toEqual([]);
    expect(cases.news.map((one) => one.id)).toEqual(['a']);
    cases.hearAlert(alert('a', 'info', '00:00', { incident: '', state: 'cleared' }));
    expect(cases.news).toEqual([]);
  });

  it('updates an alert that comes again, and never shows it twice', () => {
    cases.snapshot([alert('a', 'critical', '00:00')], [incident('a', 'new')]);
    cases.hearAlert(alert('a', 'critical', '00:00', { count: 2 }));
    expect(cases.waiting.map((one) => one.count)).toEqual([2]);
  });

  it('lets go of what is resolved', () => {
    cases.snapshot([alert('a', 'critical', '00:00', taken)], [incident('a', 'handling', taken)]);
    cases.hearIncident(incident('a', 'resolved', taken));
    expect([cases.handled.length, cases.waiting.length, cases.alerts.size]).toEqual([0, 0, 0]);
  });

  it('tells of what is new, once, also after a break', () => {
    const told: string[] = [];
    const forget = cases.onNew((one) => told.push(one.id));
    cases.hearAlert(alert('a', 'caution', '00:00'));
    cases.hearAlert(alert('a', 'caution', '00:00', { count: 2 }));
    cases.snapshot([alert('a', 'caution', '00:00'), alert('b', 'caution', '00:00')], []);
    forget();
    expect(told).toEqual(['a', 'b']);
  });
});

describe('responding', () => {
  beforeEach(() => cases.snapshot([alert('a', 'critical', '00:00', taken)], [incident('a', 'acknowledged', taken)]));
  const states = (): string[] => cases.handled.map((one) => one.state);

  it('shows at once and stays when the site agrees', async () => {
    answer = () => new Response(JSON.stringify(incident('a', 'handling', taken)));
    const going = cases.do('i-a', { do: 'respond' });
    expect(states()).toEqual(['handling']);
    expect((await going).ok).toBe(true);
    expect(states()).toEqual(['handling']);
  });

  it('is taken back when the site refuses', async () => {
    answer = () => new Response(JSON.stringify({ code: 'wrong_state' }), { status: 409 });
    const going = cases.do('i-a', { do: 'escalate', to: 'leader' });
    expect(states()).toEqual(['escalated']);
    expect((await going).ok).toBe(false);
    expect(states()).toEqual(['acknowledged']);
  });
});

describe('accepting', () => {
  beforeEach(() => cases.snapshot([alert('a', 'critical', '00:00')], [incident('a', 'new')]));

  it('moves the alert at once and keeps it so when the site agrees', async () => {
    answer = () => new Response(JSON.stringify(incident('a', 'acknowledged', taken)));
    const going = cases.accept(alert('a', 'critical', '00:00'));
    expect(order()).toEqual([]);
    expect((await going).ok).toBe(true);
    expect(order()).toEqual([]);
    expect(cases.handled.map((one) => one.state)).toEqual(['acknowledged']);
  });

  it('puts it back when the site cannot be reached', async () => {
    answer = () => {
      throw new TypeError('Failed to fetch');
    };
    const outcome = await cases.accept(alert('a', 'critical', '00:00'));
    expect(outcome.ok).toBe(false);
    expect(order()).toEqual(['a']);
  });

  it('says who was first, and takes over what they did', async () => {
    let asked = 0;
    answer = () =>
      asked++ === 0
        ? new Response(JSON.stringify({ code: 'taken', by: 'p-2', by_name: 'Sari', at: taken.acknowledged_at, state: 'acknowledged' }), { status: 409 })
        : new Response(JSON.stringify(incident('a', 'acknowledged', taken)));
    const outcome = await cases.accept(alert('a', 'critical', '00:00'));
    expect(outcome).toMatchObject({ ok: false, taken: { by: 'Sari', at: taken.acknowledged_at, state: 'acknowledged' } });
    expect(order()).toEqual([]);
  });
});
