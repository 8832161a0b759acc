import type { List, Setting, SettingChange } from '../wire';
import { ask, toQuery } from './http';

/** What the program runs with, key by key. The list is short and comes whole. */
export async function listSettings(): Promise<Setting[]> {
  return (await ask<List<Setting>>('/settings')).items ?? [];
}

const at = (key: string): string => `/settings/${encodeURIComponent(key)}`;

export function changeSetting(key: string, change: SettingChange): Promise<Setting> {
  return ask(at(key), { method: 'PUT', body: change });
}

/** siaga.yaml decides again. */
export function resetSetting(key: string, reason: string, revision: number): Promise<Setting> {
  return ask(at(key) + toQuery({ reason, revision: String(revision) }), { method: 'DELETE' });
}
