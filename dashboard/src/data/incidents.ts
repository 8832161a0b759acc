import type { Incident, IncidentState, List, Priority, Reference, Report, Summary } from '../wire';
import { ask, toQuery } from './http';

const at = (id: string): string => `/incidents/${encodeURIComponent(id)}`;

/** Accepts the incident of an alert. 409 `taken` says who was first and when. */
export function acceptAlert(id: string, note?: string): Promise<Incident> {
  return ask(`/alerts/${encodeURIComponent(id)}/acknowledge`, { method: 'POST', body: note ? { note } : {} });
}

export interface IncidentFilter {
  /** `open` stands for all states that still want people. */
  state?: readonly (IncidentState | 'open')[];
  priority?: readonly Priority[];
  category?: string;
  zone?: string;
  device?: string;
  person?: string;
  text?: string;
  since?: string;
  until?: string;
  after?: string;
  limit?: string;
}

export function listIncidents(filter: IncidentFilter, signal?: AbortSignal): Promise<List<Incident>> {
  return ask('/incidents' + toQuery({ ...filter }), signal ? { signal } : {});
}

/** Counts of what a filter selects, beside the period before. */
export function summarise(filter: IncidentFilter, signal?: AbortSignal): Promise<Summary> {
  return ask('/incidents/summary' + toQuery({ ...filter }), signal ? { signal } : {});
}

/** Keeps the report, whole. 409 `conflict` says who wrote since `base` was read. */
export function writeReport(id: string, report: Report, base: number): Promise<Incident> {
  return ask(`${at(id)}/report`, { method: 'POST', body: { ...report, ...(base > 0 ? { base } : {}) } });
}

export function refer(id: string, reference: Reference): Promise<Incident> {
  return ask(`${at(id)}/reference`, { method: 'POST', body: reference });
}

export function getIncident(id: string): Promise<Incident> {
  return ask(at(id));
}

export type Deed =
  | { do: 'acknowledge' | 'respond' | 'note' | 'close'; note?: string }
  | { do: 'escalate'; to?: string; note?: string }
  | { do: 'resolve'; cause?: string; action?: string; note?: string }
  | { do: 'false-alarm' | 'drill' | 'reopen'; reason: string }
  | { do: 'duplicate'; reason: string; of: string };

/** Does something to an incident and returns it as it stands afterwards. */
export function act(id: string, deed: Deed): Promise<Incident> {
  const { do: verb, ...body } = deed;
  return ask(`${at(id)}/${verb}`, { method: 'POST', body });
}
