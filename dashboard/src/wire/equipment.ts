// What the site has: zones, floor plans, devices. Types only.

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

export interface ZoneDraft {
  id: string;
  parent?: string;
  name: string;
  code?: string;
  kind: string;
  special?: boolean;
  reason?: string;
}

export interface ZoneChange {
  parent?: string;
  name?: string;
  code?: string;
  kind?: string;
  special?: boolean;
  reason?: string;
  revision?: number;
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

/** What a device told about itself; empty where it did not. */
export interface DeviceInfo {
  vendor: string;
  model: string;
  firmware: string;
  serial: string;
  /** The name of a program that it runs, such as its RTSP server. */
  software: string;
  /** When it last told something new. */
  at: string;
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
  /** Absent or null when it told nothing. */
  info?: DeviceInfo | null;
  plan?: PlanSpot | null;
  created_at?: string;
  /** Moves with every change; a change that names an older one is refused. */
  revision?: number;
  position?: Earth | null;
}

/** The MQTT name and password of a gateway: shown once, stored hashed. */
export interface MqttCredential {
  /** The broker's address as the program knows it. */
  server?: string;
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
  parent?: string;
  child_key?: string;
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
  streams?: DeviceStream[];
  reason?: string;
  /** What the person looked at; the site refuses with `changed` when it has moved since. */
  revision?: number;
}

/** What an import did, or in a dry run would do. */
export interface ImportReport {
  changes: ImportChange[];
  problems: ImportProblem[];
  /** Shown once. */
  credentials: MqttCredential[];
}

export interface ImportChange {
  row: number;
  what: 'zone' | 'device';
  id: string;
  action: 'added' | 'changed' | 'removed' | 'same';
  notes: string[];
}

export interface ImportProblem {
  row: number;
  id: string;
  field: string;
  message: string;
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
  /** The config that worked, when another path than the one asked for did. */
  config?: Config | null;
  vendor?: string;
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

/** One key of the program's configuration. */
export interface Setting {
  key: string;
  /** What the program runs with; lists are JSON. */
  value: string;
  source: 'default' | 'file' | 'changed';
  /** When a change takes effect. */
  applies: 'now' | 'restart';
  changeable: boolean;
  in_file: string;
  /** What it will be from the next start on. */
  pending?: string;
  by?: string;
  by_name?: string;
  at?: string | null;
  /** Moves with every change. */
  revision: number;
}

export interface SettingChange {
  value: unknown;
  reason: string;
  revision: number;
}
