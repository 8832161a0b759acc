import type { Setting } from '../wire';
import { askAll } from './http';

/** What the program was started with, key by key. */
export async function listSettings(): Promise<Setting[]> {
  return askAll('/settings');
}
