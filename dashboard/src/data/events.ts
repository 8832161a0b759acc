import type { Event, List } from '../wire';
import { ask, toQuery } from './http';

export interface EventFilter {
  kind: readonly string[];
  device?: string;
  since?: string;
  limit?: string;
}

/** The newest events of some kinds, newest first. */
export async function newestEvents(filter: EventFilter): Promise<Event[]> {
  return (await ask<List<Event>>('/events' + toQuery({ ...filter, order: 'desc' }))).items ?? [];
}
