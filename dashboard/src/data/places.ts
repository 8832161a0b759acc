import type { Zone } from '../wire';
import { askAll } from './http';

export function listZones(): Promise<Zone[]> {
  return askAll('/zones');
}
