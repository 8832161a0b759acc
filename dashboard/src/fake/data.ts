// A small office and its warehouse, all of it invented.
import type { Device, DeviceState, PersonRecord, Role, Site, Zone } from '../wire';

export const SITE: Site = { id: 'majene', name: 'KPU Kabupaten Majene', zone_name: 'WITA', timezone: 'Asia/Makassar' };

const zone = (id: string, name: string, parent: string, code: string, kind = 'room'): Zone => ({ id, name, parent, code, kind, armed: null, locked: null });

export const ZONES: readonly Zone[] = [
  zone('kantor', 'Kantor', '', 'KTR', 'building'),
  zone('gerbang', 'Gerbang', 'kantor', 'GRB'),
  zone('pos-jaga', 'Pos Jaga', 'kantor', 'POS'),
  zone('halaman', 'Halaman', 'kantor', 'HLM'),
  zone('lobi', 'Lobi', 'kantor', 'LOB'),
  zone('aula', 'Aula Pleno', 'kantor', 'AUL'),
  zone('server', 'Ruang Server', 'kantor', 'SRV', 'special'),
  zone('arsip', 'Ruang Arsip', 'kantor', 'ARS', 'special'),
  zone('gudang', 'Gudang Induk', '', 'GDI', 'building'),
  zone('gudang-depan', 'Gudang Depan', 'gudang', 'GDD'),
  zone('gudang-belakang', 'Gudang Belakang', 'gudang', 'GDB'),
  zone('bongkar', 'Bongkar Muat', 'gudang', 'BKM'),
  zone('pagar-timur', 'Pagar Timur', 'gudang', 'PGT', 'perimeter'),
  zone('udara', 'Udara', '', 'UDR', 'air'),
];

const CAMERAS: readonly [zone: string, n: string][] = [
  ['gerbang', '01'], ['pos-jaga', '01'], ['halaman', '01'], ['halaman', '02'], ['lobi', '01'], ['aula', '01'], ['aula', '02'], ['server', '01'],
  ['arsip', '01'], ['gudang-depan', '01'], ['gudang-depan', '02'], ['gudang-belakang', '01'], ['gudang-belakang', '02'], ['bongkar', '01'], ['pagar-timur', '01'], ['pagar-timur', '02'],
];

export const OFFLINE = 'mjn-arsip-01';
export const FROZEN = 'mjn-aula-02';
export const FALLBACK = 'mjn-lobi-01';
const DISABLED = 'mjn-pagar-timur-02';

function camera([at, n]: readonly [string, string], i: number): Device {
  const place = ZONES.find((one) => one.id === at);
  const id = `mjn-${at}-${n}`;
  return {
    id,
    driver: 'rtsp',
    name: `MJN-${place?.code ?? 'X'}-${n}`,
    zone: at,
    enabled: id !== DISABLED,
    config: { url: `rtsp://192.168.40.${20 + i}:554/Streaming/Channels/101`, sub_url: `rtsp://192.168.40.${20 + i}:554/Streaming/Channels/102`, username: 'siaga' },
    has_secrets: ['password'],
    streams: [{ name: 'main', record: true }, { name: 'sub', record: false }],
    created_at: '2026-08-03T02:10:00.000Z',
  };
}

const gateway = (id: string, driver: string, name: string, at: string): Device => ({ id, driver, name, zone: at, enabled: true, config: { topic: `${driver}/#` }, has_secrets: [], streams: [], created_at: '2026-08-03T02:10:00.000Z' });
const child = (id: string, driver: string, name: string, alias: string, at: string, parent: string): Device => ({ ...gateway(id, driver, name, at), alias, parent, child_key: id, config: null });

const told = (device: Device, vendor: string, model: string, firmware: string, software = '', serial = ''): Device => ({ ...device, info: { vendor, model, firmware, serial, software, at: '2026-08-03T02:11:00.000Z' } });

export const DEVICES: readonly Device[] = [
  ...CAMERAS.map(camera),
  gateway('ht-gerbang', 'mmdvm', 'Gerbang HT', 'pos-jaga'),
  child('ht-1', 'radio', 'HT 5100211', 'Pos Induk', 'pos-jaga', 'ht-gerbang'),
  child('ht-2', 'radio', 'HT 5100212', 'Pos 1', 'gerbang', 'ht-gerbang'),
  child('ht-3', 'radio', 'HT 5100213', 'Pos 2', 'gudang-belakang', 'ht-gerbang'),
  child('ht-4', 'radio', 'HT 5100214', 'Patroli', 'halaman', 'ht-gerbang'),
  told(gateway('drone-dock', 'dji', 'Dok drone', 'halaman'), 'DJI', 'Dock 2', '10.01.16.00', '', '7CTDM3100B00WX'),
  told(gateway('zb-gudang', 'zigbee2mqtt', 'Gerbang sensor gudang', 'gudang'), '', 'zStack3x0', '20240710', 'Zigbee2MQTT 2.12.1'),
  told(child('pintu-belakang', 'door', 'Pintu belakang', '', 'gudang-belakang', 'zb-gudang'), 'Sunricher', 'SNTZ007', '2.5.3_r7'),
  child('asap-gudang', 'smoke', 'Asap gudang', '', 'gudang-belakang', 'zb-gudang'),
  child('air-gudang', 'leak', 'Air gudang', '', 'gudang-depan', 'zb-gudang'),
];

export function firstState(device: Device, now: number): DeviceState {
  const at = (ago: number): string => new Date(now - ago).toISOString();
  if (!device.enabled) return { device: device.id, status: 'disabled', since: at(86_400_000), streams: [] };
  if (device.id === OFFLINE) {
    return {
      device: device.id,
      status: 'offline',
      reason: 'unreachable',
      detail: 'connecting to rtsp://192.168.40.28:554/Streaming/Channels/101: dial tcp: no route to host',
      hint: 'check cable, power and address',
      since: at(754_000),
      last_seen: at(754_000),
      streams: [{ name: 'main', last_frame_at: at(754_000), recording: false }, { name: 'sub', last_frame_at: at(754_000) }],
    };
  }
  const stream = (name: string, width: number, height: number, bitrate: number): NonNullable<DeviceState['streams']>[number] => ({
    name, width, height, bitrate, fps: 25, codec: 'h264', viewers: 1, recording: name === 'main', last_frame_at: at(device.id === FROZEN ? 41_000 : 200),
  });
  const streams = device.driver === 'rtsp' ? [stream('main', 2560, 1440, 4_200_000), stream('sub', 640, 360, 512_000)] : [];
  return { device: device.id, status: 'online', since: at(5_400_000), last_seen: at(1_000), streams };
}

const WORK = { live_console: 'full', accept_alert: 'full', play_incident: 'full', view_devices: 'read', events: 'full' };
const SCOPES: Record<Role, Record<string, string>> = {
  guard: WORK,
  leader: { ...WORK, close_critical: 'full', play_any: 'full' },
  secretariat: { ...WORK, close_critical: 'full', play_any: 'full' },
  chair: { live_console: 'read', close_critical: 'full', play_incident: 'full', play_any: 'full', view_devices: 'read', events: 'full' },
  technician: { live_console: 'test', view_devices: 'full', devices: 'full', events: 'test' },
  'it-security': { live_console: 'posture', accept_alert: 'siber', view_devices: 'read', events: 'siber' },
  auditor: { events: 'full' },
  administrator: { people: 'full', zones: 'full' },
};

export const scopesOf = (role: Role): Record<string, string> => SCOPES[role];

export const PEOPLE: readonly PersonRecord[] = [
  { id: 'p-1', login: 'budi', name: 'Budi Santoso', role: 'guard' },
  { id: 'p-2', login: 'sari', name: 'Sari Dewi', role: 'leader' },
  { id: 'p-3', login: 'rahman', name: 'Abdul Rahman', role: 'technician' },
  { id: 'p-4', login: 'ketua', name: 'Hj. Nurhayati', role: 'chair' },
  { id: 'p-5', login: 'admin', name: 'Wahyu', role: 'administrator' },
  { id: 'p-6', login: 'andi', name: 'Andi Mattalatta', role: 'guard', disabled: true },
];

export const HINTS = [
  { vendor: 'Hikvision', main: '/Streaming/Channels/101', sub: '/Streaming/Channels/102' },
  { vendor: 'Dahua', main: '/cam/realmonitor?channel=1&subtype=0', sub: '/cam/realmonitor?channel=1&subtype=1' },
  { vendor: 'Uniview', main: '/video1', sub: '/video2' },
];
