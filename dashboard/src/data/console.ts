import type { Contact, List, Rule, Watched } from '../wire';
import { ask } from './http';

export async function listRules(): Promise<Rule[]> {
  return (await ask<List<Rule>>('/rules')).items ?? [];
}

export async function listContacts(): Promise<Contact[]> {
  return (await ask<List<Contact>>('/contacts')).items ?? [];
}

/** The heartbeat of a console. Quiet: a session that ended is told by the live channel. */
export function sayPresent(console: string, idleMs: number): Promise<Watched> {
  return ask('/console/presence', { method: 'POST', body: { console, idle_ms: Math.max(0, Math.round(idleMs)) }, quiet: true, patienceMs: 8_000 });
}

/** Sounds below critical off for so many seconds; 0: on again. 409 `critical_waits` while something critical is not accepted. */
export function muteConsole(console: string, seconds: number): Promise<{ until: string }> {
  return ask('/console/mute', { method: 'POST', body: { console, seconds } });
}
