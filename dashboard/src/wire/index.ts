// The messages of the site as docs/ref/api.md gives them. Types only: this folder has no code that runs.
// Times are RFC 3339 UTC with milliseconds, units SI, ids UUIDv7 or slugs.
import type { KeptReference, Reference, Report, Story, WrittenReport } from './history';

export type * from './history';

import type { DeviceState } from './equipment';

export type * from './console';
export type * from './equipment';

export type Priority = 'info' | 'caution' | 'important' | 'critical';

export type IncidentState =
  | 'new'
  | 'acknowledged'
  | 'handling'
  | 'escalated'
  | 'resolved'
  | 'closed'
  | 'false_alarm'
  | 'duplicate'
  | 'drill';

export type * from './people';

export interface Site {
  id: string;
  name: string;
  /** Of the election; only a session says it. */
  stage?: string;
  /** What follows a time on the screen: WIB, WITA or WIT. */
  zone_name: string;
  /** The IANA name, for reckoning: Asia/Makassar. */
  timezone: string;
  /** There while the database is damaged: the site only shows what is left. */
  standby?: Standby;
}

export interface Standby {
  since: string;
  /** Events that could still be read, and that are known to be missing. */
  readable: number;
  unreadable: number;
  /** Tables of the site that are not whole. */
  torn: string[];
}

export interface Setup {
  enrolled: boolean;
  site: Site;
}

export interface Words {
  id: string;
  en: string;
}

export interface Alert {
  id: string;
  rule: string;
  key: string;
  category: string;
  priority: Priority;
  title: Words;
  device: string;
  zone: string;
  subject?: string;
  alias?: string;
  state: 'active' | 'cleared';
  raised_at: string;
  updated_at: string;
  cleared_at?: string | null;
  count: number;
  cause_seq?: number;
  last_seq?: number;
  incident: string;
  acknowledged_by?: string | null;
  acknowledged_at?: string | null;
}

export interface Act {
  id: string;
  kind: string;
  at: string;
  by: string;
  by_name?: string;
  note?: string;
  to?: string;
  cause?: string;
  action?: string;
  reason?: string;
  of?: string;
  report?: Report | null;
  reference?: Reference | null;
}

export interface Event {
  seq: number;
  kind: string;
  at: string;
  device_at?: string | null;
  offset_ms?: number | null;
  device?: string;
  zone?: string;
  subject?: string;
  actor?: string;
  body?: unknown;
  erased?: boolean;
}

export interface Incident {
  id: string;
  number: string | number;
  state: IncidentState;
  priority: Priority;
  category: string;
  title: Words;
  zone: string;
  opened_at: string;
  updated_at: string;
  acknowledged_by?: string | null;
  acknowledged_at?: string | null;
  resolved_at?: string | null;
  closed_at?: string | null;
  /** Who it was passed up to last: a role, or `police`. */
  escalated_to?: string;
  cause?: string;
  action?: string;
  alerts?: Alert[] | null;
  devices?: string[] | null;
  acts?: Act[] | null;
  timeline?: Event[] | null;
  /** What follows comes with one incident alone, not in lists. */
  handled_by?: string | null;
  resolved_by?: string | null;
  closed_by?: string | null;
  from?: string;
  to?: string;
  story?: Story;
  report?: WrittenReport | null;
  draft?: Report;
  references?: KeptReference[];
  /** What the devices in it are called. */
  names?: Record<string, string>;
}

export interface Segment {
  start: string;
  end: string;
  bytes: number;
  codec: string;
}

export interface Gap {
  from: string;
  to: string;
  reason: string;
  detail?: string;
}

export interface List<T> {
  items: T[] | null;
  next?: string;
}

export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  errors?: { location?: string; message?: string; value?: unknown }[] | null;
  retry_after_ms?: number;
  by?: string;
  by_name?: string;
  at?: string;
  state?: IncidentState;
}

export interface Snapshot {
  alerts?: Alert[] | null;
  incidents?: Incident[] | null;
  devices?: DeviceState[] | null;
  samples?: Record<string, Record<string, unknown>> | null;
}

/** What comes over the live channel, one per websocket message. */
export type LiveMessage =
  | { hello: { at?: string; site: Site; head: number; snapshot?: Snapshot | null } }
  | { sample: { kind: string; device: string; at: string; body: unknown } }
  | { state: DeviceState }
  | { ping: { at: string; head: number } }
  | { seq: number; through: number; withheld: true }
  | Event;
