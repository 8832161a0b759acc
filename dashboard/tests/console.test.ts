import { beforeEach, describe, expect, it } from 'vitest';
import { flight } from '../src/state/flight.svelte';
import { radio } from '../src/state/radio.svelte';
import { nextAbove } from '../src/views/wall/deeds';
import { metresFrom, roundLength } from '../src/views/wall/local-map';
import { markState, standing } from '../src/views/wall/plan-marks';
import type { Alert, Device, FloorPlan, Incident, Zone } from '../src/wire';

const said = (seq: number, kind: string, body: object) => ({ seq, kind, at: `2026-11-22T14:00:${String(seq).padStart(2, '0')}.000Z`, device: 'ht-pos-2', body });

describe('the radio log', () => {
  beforeEach(() => (radio.lines = []));

  it('makes one line of a call, from its start to its end', () => {
    radio.hear(said(1, 'radio.call_started', { call: 'c1', src_info: 'POS 2', slot: 1, talkgroup: '9901' }));
    expect(radio.onAir(radio.lines[0]!, Date.parse('2026-11-22T14:00:05Z'))).toBe(true);
    radio.hear(said(2, 'radio.text', { call: 'c1', text: 'POS-2' }));
    radio.hear(said(3, 'radio.call_ended', { call: 'c1', duration_s: 4.2 }));
    expect(radio.lines.map((line) => [line.kind, line.seconds, line.live, line.talkgroup, radio.message(line)])).toEqual([['radio.call_ended', 4.2, false, '9901', '']]);
  });

  it('does not show a call on the air for ever when its end was never heard', () => {
    radio.hear(said(1, 'radio.call_started', { call: 'c1' }));
    expect(radio.onAir(radio.lines[0]!, Date.parse('2026-11-22T14:10:00Z'))).toBe(false);
  });

  it('puts an emergency first and keeps a bounded number of lines', () => {
    for (let n = 1; n < 300; n++) radio.hear(said(n, 'radio.csbk', {}));
    radio.hear(said(301, 'radio.emergency', { src_info: 'POS 2' }));
    expect(radio.lines.length).toBe(120);
    expect(radio.lines[0]?.kind).toBe('radio.emergency');
  });
});

describe('the flight', () => {
  beforeEach(() => flight.craft.clear());

  it('keeps the newest of each kind, the way in order, and no place twice', () => {
    const at = (second: number): string => `2026-11-22T14:00:0${second}.000Z`;
    flight.hear('drone-1', 'drone.position', at(2), { lat: -3.54, lon: 118.97, height_takeoff_m: 20 });
    flight.hear('drone-1', 'drone.position', at(1), { lat: -3.55, lon: 118.97, height_takeoff_m: 10 });
    flight.hear('drone-1', 'drone.position', at(2), { lat: -3.54, lon: 118.97, height_takeoff_m: 20 });
    flight.hear('drone-1', 'drone.battery', at(3), { percent: 80 });
    const craft = flight.craft.get('drone-1');
    expect(craft?.track.map((fix) => fix.height)).toEqual([10, 20]);
    expect([craft?.position?.['height_takeoff_m'], craft?.battery?.['percent']]).toEqual([20, 80]);
  });

  it('takes nothing from what is no number and no place', () => {
    flight.hear('drone-1', 'drone.position', 'x', { lat: 'NaN', lon: null });
    flight.hear('drone-1', 'drone.position', 'y', { lat: 0, lon: 0 });
    flight.hear('drone-1', 'drone.position', 'z', 'hello');
    expect(flight.craft.get('drone-1')?.track).toEqual([]);
  });
});

describe('passing up', () => {
  const at = (escalated_to?: string): Incident => ({ escalated_to }) as Incident;

  it('goes one step above where it stands and above who passes it', () => {
    expect([nextAbove(at(), 'guard'), nextAbove(at('leader'), 'guard'), nextAbove(at(), 'leader'), nextAbove(at('chair'), 'guard'), nextAbove(at('police'), 'guard')]).toEqual(['leader', 'secretariat', 'secretariat', '', '']);
  });
});

describe('the plain map', () => {
  it('reckons metres east and north', () => {
    const { east, north } = metresFrom({ lat: -3.54, lon: 118.97 }, { lat: -3.539, lon: 118.971 });
    expect([Math.round(east), Math.round(north)]).toEqual([111, 111]);
  });

  it('has a round bar of at most a third', () => {
    expect([roundLength(100), roundLength(900), roundLength(3.5)]).toEqual([20, 200, 1]);
  });
});

describe('marks on the plan', () => {
  const plan = { zone: 'kantor' } as FloorPlan;
  const device = (id: string, more: Partial<Device> = {}): Device => ({ id, driver: 'radio', name: id, zone: 'gerbang', enabled: true, ...more }) as Device;
  const zones = new Map([['gerbang', { id: 'gerbang', name: 'Gerbang', plan: { x: 0.1, y: 0.8 } } as Zone]]);

  it('stand where they were put, else beside their zone, and aircraft where they fly', () => {
    const all = [device('cam', { plan: { x: 0.5, y: 0.5 } }), device('ht-1'), device('ht-2'), device('drone', { driver: 'aircraft' }), device('lost', { zone: 'nowhere' })];
    const stood = standing(plan, all, zones, (spot) => (spot ? plan : undefined));
    expect(stood.map((one) => one.device.id)).toEqual(['cam', 'ht-1', 'ht-2']);
    expect(stood[1]?.spot.x).not.toBe(stood[2]?.spot.x);
  });

  it('say what is grave before what is dead', () => {
    const alert = { priority: 'critical' } as Alert;
    expect([markState(device('a'), { device: 'a', status: 'offline' }, alert), markState(device('a'), { device: 'a', status: 'offline' }, undefined), markState(device('a', { enabled: false }), undefined, undefined), markState(device('a'), undefined, undefined)]).toEqual(['alert', 'bad', 'off', 'off']);
  });
});
