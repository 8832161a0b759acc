import type { Gap, List, Segment } from '../wire';
import { ask, BASE, toQuery } from './http';

const at = (id: string): string => `/cameras/${encodeURIComponent(id)}`;

export interface Span {
  from: string;
  to: string;
}

/** Address of the footage of an incident, for a video element. */
export function footageAddress(camera: string, span: Span, incident: string, stream = 'main'): string {
  return BASE + at(camera) + '/video.mp4' + toQuery({ stream, from: span.from, to: span.to, incident });
}

export function snapshotAddress(camera: string, when = ''): string {
  return BASE + at(camera) + '/snapshot.jpg' + toQuery({ at: when });
}

export async function listSegments(camera: string, span: Span, stream = 'main'): Promise<Segment[]> {
  const page = await ask<List<Segment>>(at(camera) + '/segments' + toQuery({ stream, from: span.from, to: span.to }));
  return page.items ?? [];
}

export async function listGaps(camera: string, span: Span, stream = 'main'): Promise<Gap[]> {
  const page = await ask<List<Gap>>(at(camera) + '/gaps' + toQuery({ stream, from: span.from, to: span.to }));
  return page.items ?? [];
}
