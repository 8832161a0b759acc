import type { Config, Device, DeviceChange, DeviceDraft, Driver, Hint, List, MqttCredential, Probe } from '../wire';
import { ask, askAll, toQuery } from './http';

const at = (id: string): string => `/devices/${encodeURIComponent(id)}`;

export type Made = Device & { mqtt?: MqttCredential | null };

export function listDevices(): Promise<Device[]> {
  return askAll('/devices');
}

export function getDevice(id: string): Promise<Device> {
  return ask(at(id));
}

export function addDevice(draft: DeviceDraft): Promise<Made> {
  return ask('/devices', { method: 'POST', body: draft });
}

export function changeDevice(id: string, change: DeviceChange): Promise<Device> {
  return ask(at(id), { method: 'PATCH', body: change });
}

export function removeDevice(id: string, reason: string): Promise<void> {
  return ask(at(id) + toQuery({ reason }), { method: 'DELETE' });
}

export function switchDevice(id: string, to: 'enable' | 'disable', reason: string): Promise<Device | undefined> {
  return ask(`${at(id)}/${to}`, { method: 'POST', body: { reason } });
}

/** Makes a new MQTT secret, which is shown this once. */
export async function newCredential(id: string, reason: string): Promise<MqttCredential> {
  const made = await ask<MqttCredential | { mqtt: MqttCredential }>(`${at(id)}/credential`, { method: 'POST', body: { reason } });
  return 'mqtt' in made ? made.mqtt : made;
}

/** The site answers within 12 s, `ok: false` with the plain reason when it would not work. */
export function probe(driver: string, config: Config, secrets: Record<string, string>): Promise<Probe> {
  return ask('/devices/probe', { method: 'POST', body: { driver, config, secrets, paths: true }, patienceMs: 16_000 });
}

/** Tries a change of a registered device; a password that is not given is the stored one, on the same machine. */
export function probeChange(device: string, config: Config, secrets: Record<string, string>): Promise<Probe> {
  return ask('/devices/probe', { method: 'POST', body: { device, config, secrets }, patienceMs: 16_000 });
}

/** Puts a new unit into a device's place: its name, zone and history stay, its passwords end. */
export function replaceDevice(id: string, config: Config, secrets: Record<string, string>, reason: string, revision?: number): Promise<Made> {
  return ask(`${at(id)}/replace`, { method: 'POST', body: { config, secrets, reason, ...(revision === undefined ? {} : { revision }) } });
}

export function probeDevice(device: string): Promise<Probe> {
  return ask('/devices/probe', { method: 'POST', body: { device }, patienceMs: 16_000 });
}

export async function listHints(vendor = ''): Promise<Hint[]> {
  const answer = await ask<List<Hint> | Hint[]>('/devices/hints' + toQuery({ vendor }));
  return Array.isArray(answer) ? answer : (answer.items ?? []);
}

/** A free name and id in the site's own way of naming. */
export function suggestName(zone: string): Promise<{ name: string; id: string }> {
  return ask('/devices/suggest' + toQuery({ zone }));
}

export async function listDrivers(): Promise<Driver[]> {
  const answer = await ask<List<Driver> | Driver[]>('/drivers');
  return Array.isArray(answer) ? answer : (answer.items ?? []);
}
