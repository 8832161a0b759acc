import type { List, Setting } from '../wire';
import { ask } from './http';

/** What the program was started with, key by key. The list is short and comes whole. */
export async function listSettings(): Promise<Setting[]> {
  return (await ask<List<Setting>>('/settings')).items ?? [];
}
