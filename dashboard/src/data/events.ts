import type { Event, List } from '../wire';
import { ask, toQuery } from './http';

export interface EventFilter {
  kind: readonly string[];
  device?: string;
  since?: string;
  until?: string;
  limit?: string;
}

/** The newest events of some kinds, newest first. */
export async function newestEvents(filter: EventFilter): Promise<Event[]> {
  return (await ask<List<Event>>('/events' + toQuery({ ...filter, order: 'desc' }))).items ?? [];
}

/** The events of some kinds in a span, oldest first; at most one page of them. */
export async function eventsOf(filter: EventFilter, signal: AbortSignal): Promise<Event[]> {
  return (await ask<List<Event>>('/events' + toQuery({ ...filter }), { signal })).items ?? [];
}
