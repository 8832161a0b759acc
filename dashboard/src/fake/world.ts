// The memory of the fake site: what it has, what happened, and who listens.
import type { Act, Alert, Device, DeviceState, Event, Incident, LiveMessage, PersonRecord, Priority, Role, Words } from '../wire';
import { DEVICES, firstState, FROZEN, OFFLINE, PEOPLE, ZONES } from './data';

export interface Raise {
  rule: string;
  title: Words;
  priority: Priority;
  category: string;
  device: string;
  zone: string;
  alias?: string;
}

export class World {
  readonly devices = new Map<string, Device>(DEVICES.map((device) => [device.id, { ...device }]));
  readonly states = new Map<string, DeviceState>();
  readonly people: PersonRecord[] = PEOPLE.map((person) => ({ ...person }));
  readonly zones = ZONES;
  readonly alerts = new Map<string, Alert>();
  readonly incidents = new Map<string, Incident>();
  readonly events: Event[] = [];
  readonly listeners = new Set<(message: LiveMessage) => void>();
  seq = 4711;
  me: PersonRecord = PEOPLE[0] as PersonRecord;
  private ids = 0;

  constructor() {
    for (const device of this.devices.values()) this.states.set(device.id, firstState(device, Date.now()));
    setInterval(() => this.breathe(), 1000);
  }

  become(role: Role): void {
    this.me = this.people.find((person) => person.role === role && !person.disabled) ?? this.me;
  }

  emit(kind: string, body: unknown, device = '', zone = '', at = Date.now()): Event {
    const event: Event = { seq: ++this.seq, kind, at: new Date(at).toISOString(), device, zone, subject: '', actor: '', body };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
    return event;
  }

  raise(what: Raise, ago = 0): Alert {
    const key = `${what.rule}/${what.device}`;
    const now = Date.now() - ago;
    const open = [...this.alerts.values()].find((alert) => alert.key === key && alert.state === 'active');
    if (open !== undefined) {
      const again: Alert = { ...open, count: open.count + 1, updated_at: new Date(now).toISOString() };
      this.putAlert(again, 'alert.updated', now);
      return again;
    }
    const incident = this.incidentFor(what, now);
    const at = new Date(now).toISOString();
    const alert: Alert = { id: this.id('a'), key, state: 'active', raised_at: at, updated_at: at, count: 1, incident: incident.id, ...what };
    this.putAlert(alert, 'alert.raised', now);
    const devices = [...new Set([...(incident.devices ?? []), what.device])];
    this.putIncident({ ...incident, alerts: [...(incident.alerts ?? []), alert], devices }, 'incident.changed', now);
    return alert;
  }

  clear(alert: Alert): void {
    const at = new Date().toISOString();
    this.putAlert({ ...alert, state: 'cleared', cleared_at: at, updated_at: at }, 'alert.cleared');
  }

  /** Writes an act on an incident and tells everyone. */
  act(incident: Incident, kind: string, change: Partial<Incident>, more: Partial<Act> = {}, who = this.me, at = Date.now()): Incident {
    const when = new Date(at).toISOString();
    const deed: Act = { id: this.id('k'), kind, at: when, by: who.id, by_name: who.name, ...more };
    const after: Incident = { ...incident, ...change, updated_at: when, acts: [...(incident.acts ?? []), deed] };
    if (change.acknowledged_at) {
      for (const alert of this.alerts.values()) {
        if (alert.incident === incident.id) this.alerts.set(alert.id, { ...alert, acknowledged_by: who.id, acknowledged_at: when });
      }
    }
    after.alerts = [...this.alerts.values()].filter((alert) => alert.incident === incident.id);
    this.emit(`act.${kind}`, { incident: incident.id }, '', incident.zone, at);
    this.putIncident(after, 'incident.changed', at);
    return after;
  }

  setState(state: DeviceState): void {
    this.states.set(state.device, state);
    for (const listener of this.listeners) listener({ state });
  }

  /** The incident as its page wants it, with everything that happened. */
  full(incident: Incident): Incident {
    const about = (event: Event): boolean => {
      const body = event.body as { alert?: Alert; incident?: Incident };
      return body.alert?.incident === incident.id || body.incident?.id === incident.id;
    };
    const timeline = this.events.filter(about);
    return { ...incident, timeline };
  }

  id(prefix: string): string {
    return `${prefix}-${String(++this.ids).padStart(4, '0')}`;
  }

  private incidentFor(what: Raise, now: number): Incident {
    const open = [...this.incidents.values()].find(
      (incident) => incident.zone === what.zone && ['new', 'acknowledged', 'handling', 'escalated'].includes(incident.state) && now - Date.parse(incident.updated_at) < 60_000,
    );
    if (open !== undefined) return open;
    const at = new Date(now).toISOString();
    const made: Incident = {
      id: this.id('i'),
      number: `2026-${String(900 + this.incidents.size).padStart(6, '0')}`,
      state: 'new',
      priority: what.priority,
      category: what.category,
      title: what.title,
      zone: what.zone,
      opened_at: at,
      updated_at: at,
      alerts: [],
      devices: [],
      acts: [],
    };
    this.putIncident(made, 'incident.opened', now);
    return made;
  }

  private putAlert(alert: Alert, kind: string, at = Date.now()): void {
    this.alerts.set(alert.id, alert);
    this.emit(kind, { alert }, alert.device, alert.zone, at);
  }

  private putIncident(incident: Incident, kind: string, at = Date.now()): void {
    this.incidents.set(incident.id, incident);
    this.emit(kind, { incident: { ...incident, acts: null } }, '', incident.zone, at);
  }

  private breathe(): void {
    const now = new Date().toISOString();
    for (const [id, state] of this.states) {
      if (state.status !== 'online' || id === OFFLINE || id === FROZEN) continue;
      this.states.set(id, { ...state, last_seen: now, streams: (state.streams ?? []).map((stream) => ({ ...stream, last_frame_at: now })) });
    }
    const ping: LiveMessage = { ping: { at: now, head: this.seq } };
    if (Math.floor(Date.now() / 1000) % 5 === 0) for (const listener of this.listeners) listener(ping);
  }
}
