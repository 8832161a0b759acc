import type { Device, DeviceState, DeviceStatus, StreamState } from '../../data';
import * as m from '../../paraglide/messages';
import type { IconName } from '../../parts/icons';
import { amount } from '../../parts/time';

export type Health = DeviceStatus | 'frozen';

/** A camera that says it is online but sent no picture for this long is not well. */
const OLD_MS = 10_000;

export function healthOf(device: Device, state: DeviceState | undefined, siteNow: number): Health {
  if (!device.enabled) return 'disabled';
  const status = state?.status ?? 'unknown';
  const newest = Math.max(...(state?.streams ?? []).map((stream) => (stream.last_frame_at ? Date.parse(stream.last_frame_at) : 0)));
  return status === 'online' && newest > 0 && siteNow - newest > OLD_MS ? 'frozen' : status;
}

const TROUBLE: Record<Health, number> = { offline: 3, frozen: 3, unknown: 2, connecting: 2, disabled: 1, online: 0 };

/** How badly a device needs a technician: 3 dead, 2 uncertain, 1 switched off, 0 fine. */
export function trouble(device: Device, health: Health): number {
  // A handy-talkie that nobody has used yet is not broken.
  return health === 'unknown' && device.parent ? 1 : TROUBLE[health];
}

/** What is known of a stream, in one line. */
export function streamFacts(stream: StreamState): string {
  const facts = [
    stream.codec?.toUpperCase(),
    stream.width ? `${stream.width} × ${stream.height}` : undefined,
    stream.fps ? `${amount(stream.fps)} fps` : undefined,
    stream.bitrate ? `${amount(stream.bitrate / 1e6)} Mbit/s` : undefined,
  ];
  return facts.filter((fact) => fact !== undefined).join(', ');
}

/** What a stream is for. */
export function streamWord(name: string): string {
  if (name === 'main') return m.stream_main();
  return name === 'sub' ? m.stream_sub() : name;
}

/** A maker's name as it writes itself, as far as a capital goes. */
export const vendorWord = (vendor: string): string => vendor.charAt(0).toUpperCase() + vendor.slice(1);

/** What is said of a device under its name, without what the name says already. */
export function aboutDevice(device: Device, ...more: string[]): string {
  const said = [kindWord(device.driver), device.alias ?? '', ...more].filter((part) => part !== '' && part !== device.name);
  return [...new Set(said)].join(' - ');
}

const KINDS: Record<string, () => string> = {
  rtsp: m.kind_rtsp,
  onvif: m.kind_onvif,
  dji: m.kind_dji,
  mmdvm: m.kind_mmdvm,
  zigbee2mqtt: m.kind_zigbee2mqtt,
  radio: m.kind_radio,
  aircraft: m.kind_aircraft,
  drone: m.kind_aircraft,
  door: m.kind_door,
  contact: m.kind_door,
  smoke: m.kind_smoke,
  leak: m.kind_leak,
  water_leak: m.kind_leak,
  power: m.kind_power,
  motion: m.kind_motion,
  occupancy: m.kind_motion,
  sensor: m.kind_sensor,
};

export function kindWord(driver: string): string {
  return KINDS[driver]?.() ?? driver;
}

export function kindIcon(driver: string): IconName {
  switch (driver) {
    case 'rtsp':
    case 'onvif':
      return 'camera';
    case 'dji':
    case 'drone':
    case 'aircraft':
      return 'drone';
    case 'mmdvm':
    case 'zigbee2mqtt':
      return 'gateway';
    case 'radio':
      return 'radio';
    default:
      return 'sensor';
  }
}

/** What a device may tell about itself, in the order of the screens. */
export const TOLD = [
  { key: 'vendor', label: m.info_vendor },
  { key: 'model', label: m.info_model },
  { key: 'firmware', label: m.info_firmware },
  { key: 'software', label: m.info_software },
  { key: 'serial', label: m.info_serial },
] as const;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What a person would type to find a device. */
export function searchText(device: Device, zone: string): string {
  const { config, info } = device;
  const told = info ? [info.vendor, info.model, info.firmware, info.software, info.serial] : [];
  return [device.name, device.alias, device.id, zone, kindWord(device.driver), device.child_key, text(config?.['url']), text(config?.['topic']), ...told]
    .filter((part) => part !== undefined)
    .join(' ')
    .toLowerCase();
}

/** A device id out of a name: lower case letters, digits and hyphens, at most 63. */
export function slug(name: string, stem = 'kamera'): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return plain === '' ? `${stem}-${Date.now().toString(36)}` : plain;
}
