// The messages of the site as docs/ref/api.md gives them. Types only: this folder has no code that runs.
// Times are RFC 3339 UTC with milliseconds, units SI, ids UUIDv7 or slugs.
import type { KeptReference, Reference, Report, Story, WrittenReport } from './history';

export type * from './history';

export type * from './console';

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
  /** What follows a time on the screen: WIB, WITA or WIT. */
  zone_name: string;
  /** The IANA name, for reckoning: Asia/Makassar. */
  timezone: string;
}

export interface Setup {
  enrolled: boolean;
  site: Site;
}

export interface Mark {
  by: string;
  by_name?: string;
  at: string;
  reason?: string;
}

/** A place on earth, degrees WGS 84. */
export interface Earth {
  lat: number;
  lon: number;
}

export interface Zone {
  id: string;
  parent?: string;
  name: string;
  kind: string;
  /** Short form in device names: GDB. */
  code?: string;
  armed: Mark | null;
  locked: Mark | null;
  special?: boolean;
  plan?: PlanSpot | null;
  /** Moves with every change; a change that names an older one is refused. */
  revision?: number;
  position?: Earth | null;
}

/** A place on a floor plan: fractions of its picture, from the upper left corner. */
export interface PlanSpot {
  /** The zone whose plan it is; absent for the site's only one. */
  floor?: string;
  x: number;
  y: number;
  /** Degrees clockwise from the plan's upper edge. */
  heading?: number;
  /** Degrees of the field of view; 0 or absent: it has none. */
  fov?: number;
  /** How far it sees, as a fraction of the plan's width. */
  range?: number;
}

/** A point of a plan whose place on earth is known. */
export interface Anchor {
  x: number;
  y: number;
  lat: number;
  lon: number;
}

/** The picture of a zone that devices stand on. */
export interface FloorPlan {
  zone: string;
  /** Where the picture is; another picture has another address. */
  picture: string;
  width: number;
  height: number;
  bytes: number;
  /** Two, or none. */
  anchors: Anchor[];
  changed_at: string;
  revision: number;
}

export type DeviceStatus = 'online' | 'offline' | 'disabled' | 'connecting' | 'unknown';

export interface StreamState {
  name: string;
  last_frame_at?: string;
  fps?: number;
  /** Bits a second. */
  bitrate?: number;
  viewers?: number;
  codec?: string;
  width?: number;
  height?: number;
  recording?: boolean;
  /** Why the stream cannot go over WebRTC; empty when it can. */
  fallback_reason?: string;
}

export interface DeviceState {
  device: string;
  status: DeviceStatus;
  /** One word of the closed list of reasons (unreachable, refused, no_frames, …). */
  reason?: string;
  detail?: string;
  hint?: string;
  since?: string;
  last_seen?: string;
  streams?: StreamState[] | null;
}

export interface DeviceStream {
  name: string;
  record?: boolean;
}

export type Config = Record<string, unknown>;

export interface Device {
  id: string;
  driver: string;
  name: string;
  alias?: string;
  zone: string;
  parent?: string;
  child_key?: string;
  enabled: boolean;
  config?: Config | null;
  has_secrets?: string[] | null;
  streams?: DeviceStream[] | null;
  state?: DeviceState | null;
  plan?: PlanSpot | null;
  created_at?: string;
  /** Moves with every change; a change that names an older one is refused. */
  revision?: number;
  position?: Earth | null;
}

/** The MQTT name and password of a gateway: shown once, stored hashed. */
export interface MqttCredential {
  user: string;
  password: string;
  topics?: string[] | { publish?: string[] | null; subscribe?: string[] | null } | null;
}

export interface DeviceDraft {
  id: string;
  driver: string;
  name: string;
  alias?: string;
  zone: string;
  config: Config;
  secrets?: Record<string, string>;
  streams?: DeviceStream[];
  enabled?: boolean;
  reason?: string;
}

export interface DeviceChange {
  name?: string;
  alias?: string;
  zone?: string;
  config?: Config;
  secrets?: Record<string, string>;
  reason?: string;
}

export interface ProbedStream {
  name: string;
  codec: string;
  width: number;
  height: number;
  fps: number;
  audio?: string;
}

export interface Probe {
  ok: boolean;
  streams?: ProbedStream[] | null;
  notes?: string[] | null;
  device?: Record<string, string> | null;
  /** A data: address of a JPEG, or only its base64; empty when no picture came in time. */
  picture?: string;
  reason?: string;
  detail?: string;
  hint?: string;
}

export interface Driver {
  kind: string;
  title: string | { id?: string; en?: string };
  config_schema?: unknown;
}

export interface Hint {
  vendor: string;
  main: string;
  sub?: string;
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
  | { hello: { site: Site; head: number; snapshot?: Snapshot | null } }
  | { sample: { kind: string; device: string; at: string; body: unknown } }
  | { state: DeviceState }
  | { ping: { at: string; head: number } }
  | { seq: number; through: number; withheld: true }
  | Event;
