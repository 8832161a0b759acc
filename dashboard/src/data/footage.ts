import type { Gap, List, Segment } from '../wire';
import { ask, BASE, send, toQuery } from './http';

const at = (id: string): string => `/cameras/${encodeURIComponent(id)}`;

export interface Span {
  from: string;
  to: string;
}

/** On what ground somebody looks at a recording: an incident, or a purpose in their own words. Both are kept in the log. */
export type Ground = { incident: string } | { purpose: string };

/** Address of recorded footage, for a video element. */
export function footageAddress(camera: string, span: Span, ground: Ground, stream = 'main'): string {
  return BASE + at(camera) + '/video.mp4' + toQuery({ stream, from: span.from, to: span.to, ...ground });
}

/** Which part of a video shows which time; all in milliseconds. */
export interface Shown {
  offset: number;
  from: number;
  to: number;
}

/** Asks how a video tells its time. Gaps are skipped in a video, so its own clock is not the site's. */
export async function footageSpans(camera: string, span: Span, ground: Ground, signal?: AbortSignal): Promise<Shown[]> {
  const answer = await send(footageAddress(camera, span, ground), { method: 'HEAD', ...(signal ? { signal } : {}) });
  const told: unknown = JSON.parse(answer.headers.get('X-Video-Spans') ?? '[]');
  if (!Array.isArray(told)) return [];
  return (told as [number, number, number][]).map(([offset, from, to]) => ({ offset, from, to }));
}

/** A picture out of the recording as an address of this page; whoever asks must revoke it. */
export async function recordedPicture(camera: string, when: string, ground: Ground, signal: AbortSignal): Promise<string> {
  const answer = await send(BASE + at(camera) + '/snapshot.jpg' + toQuery({ at: when, ...ground }), { signal });
  return URL.createObjectURL(await answer.blob());
}

export async function listSegments(camera: string, span: Span, stream = 'main'): Promise<Segment[]> {
  const page = await ask<List<Segment>>(at(camera) + '/segments' + toQuery({ stream, from: span.from, to: span.to }));
  return page.items ?? [];
}

export async function listGaps(camera: string, span: Span, stream = 'main'): Promise<Gap[]> {
  const page = await ask<List<Gap>>(at(camera) + '/gaps' + toQuery({ stream, from: span.from, to: span.to }));
  return page.items ?? [];
}
