// What happens at the fake site. `?adegan=` picks one: malam (the default), tenang, ramai, putus.
import type { Incident, PersonRecord } from '../wire';
import { FROZEN, OFFLINE } from './data';
import type { Raise, World } from './world';

const PANIC: Raise = { rule: 'ht-panik', title: { id: 'Tombol panik', en: 'Panic button' }, priority: 'critical', category: 'ancaman_orang', device: 'ht-3', zone: 'gudang-belakang', alias: 'Pos 2' };
const LOST: Raise = { rule: 'cam-putus', title: { id: 'Kamera putus', en: 'Camera lost' }, priority: 'important', category: 'sistem', device: OFFLINE, zone: 'arsip', alias: 'MJN-ARS-01' };
const STUCK: Raise = { rule: 'cam-macet', title: { id: 'Gambar macet', en: 'Frozen picture' }, priority: 'important', category: 'sistem', device: FROZEN, zone: 'aula', alias: 'MJN-AUL-02' };
const DOOR: Raise = { rule: 'akses-pintu-lama', title: { id: 'Pintu terbuka terlalu lama', en: 'Door open too long' }, priority: 'caution', category: 'akses', device: 'pintu-belakang', zone: 'bongkar', alias: 'Pintu belakang' };
const BATTERY: Raise = { rule: 'drone-baterai', title: { id: 'Baterai drone rendah', en: 'Drone battery low' }, priority: 'caution', category: 'udara', device: 'drone-dock', zone: 'udara', alias: 'Dok drone' };
const LEAK: Raise = { rule: 'lingkungan-air', title: { id: 'Air/bocor', en: 'Water or leak' }, priority: 'critical', category: 'kebakaran_bencana', device: 'air-gudang', zone: 'gudang-depan', alias: 'Air gudang' };

export function tell(world: World, scene: string): void {
  past(world);
  if (scene === 'tenang') return;
  world.raise(STUCK, 41_000);
  world.raise(LOST, 754_000);
  world.raise(DOOR, 96_000);
  if (scene === 'ramai') {
    world.raise(BATTERY, 20_000);
    world.raise(LEAK, 230_000);
  }
  world.raise(PANIC, 12_000);
  world.raise(PANIC, 6_000);
  if (scene === 'hidup') setInterval(() => world.raise(PANIC), 45_000);
}

/** Incidents that others already worked on. */
function past(world: World): void {
  const [guard, leader] = [world.people[0], world.people[1]] as [PersonRecord, PersonRecord];
  const open = (what: Raise, ago: number): Incident => {
    const alert = world.raise(what, ago);
    return world.incidents.get(alert.incident) as Incident;
  };
  const fire = open({ ...LEAK, rule: 'asap', title: { id: 'Asap/panas', en: 'Smoke or heat' }, device: 'asap-gudang', zone: 'gudang', alias: 'Asap gudang' }, 9_000_000);
  let now = world.act(fire, 'acknowledged', { state: 'acknowledged', acknowledged_by: guard.id, acknowledged_at: ago(8_975_000) }, {}, guard, Date.now() - 8_975_000);
  now = world.act(now, 'responded', { state: 'handling' }, { note: 'Menuju gudang dengan APAR' }, guard, Date.now() - 8_900_000);
  now = world.act(now, 'resolved', { state: 'resolved', resolved_at: ago(8_000_000), cause: 'Asap dari pembakaran sampah di luar pagar timur, masuk lewat ventilasi.', action: 'Ventilasi ditutup, api di luar dipadamkan petugas, gudang diperiksa berdua.' }, {}, guard, Date.now() - 8_000_000);
  for (const alert of now.alerts ?? []) world.clear(alert);

  const radio = open({ rule: 'ht-hilang', title: { id: 'Radio hilang kontak', en: 'Radio lost contact' }, priority: 'important', category: 'radio', device: 'ht-4', zone: 'halaman', alias: 'Patroli' }, 1_500_000);
  const taken = world.act(radio, 'acknowledged', { state: 'acknowledged', acknowledged_by: leader.id, acknowledged_at: ago(1_441_000) }, {}, leader, Date.now() - 1_441_000);
  world.act(taken, 'escalated', { state: 'escalated' }, { to: 'Kasubbag KUL', note: 'HT cadangan diantar ke halaman' }, leader, Date.now() - 1_300_000);

  const drill = open({ ...PANIC, rule: 'latihan', device: 'ht-1', zone: 'pos-jaga', alias: 'Pos Induk' }, 90_000_000);
  world.act(drill, 'drill', { state: 'drill', acknowledged_by: leader.id, acknowledged_at: ago(89_980_000) }, { reason: 'Latihan bulanan' }, leader, Date.now() - 89_000_000);
  const cat = open({ rule: 'gerak', title: { id: 'Gerakan di zona terkunci', en: 'Motion in a locked zone' }, priority: 'critical', category: 'akses', device: 'mjn-gudang-belakang-02', zone: 'gudang-belakang', alias: 'MJN-GDB-02' }, 180_000_000);
  const seen = world.act(cat, 'acknowledged', { state: 'acknowledged', acknowledged_by: guard.id, acknowledged_at: ago(179_930_000) }, {}, guard, Date.now() - 179_930_000);
  world.act(seen, 'false_alarm', { state: 'false_alarm' }, { reason: 'Kucing di rak bawah, terlihat di kamera' }, guard, Date.now() - 179_000_000);
}

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
