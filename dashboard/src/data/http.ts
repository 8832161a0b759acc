import type { List, Problem } from '../wire';
import { seam } from './seam';

export const BASE = '/api/v1';
const PATIENCE_MS = 20_000;

/**
 * Why a request did not do what was asked. `code` is the API's stable word, or one of ours:
 * `network` (no answer at all), `timeout`, `http` (an answer that is no problem document).
 */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail ?? problem.title ?? code);
    this.name = 'ApiError';
  }
}

let onUnauthorized: () => void = () => {};

/** Registers who is told when the site no longer knows this session. */
export function whenSignedOut(tell: () => void): void {
  onUnauthorized = tell;
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
  /** A 401 is an answer here, not the end of the session. */
  quiet?: boolean;
  patienceMs?: number;
}

/** Sends one request to a path of this origin and returns the answer, or throws an ApiError. */
export async function send(path: string, init: RequestInit, patienceMs = PATIENCE_MS, quiet = false): Promise<Response> {
  const cut = AbortSignal.timeout(patienceMs);
  const signal = init.signal ? AbortSignal.any([init.signal, cut]) : cut;
  let answer: Response;
  try {
    answer = await seam().fetch(path, { ...init, signal, credentials: 'same-origin' });
  } catch (err) {
    if (init.signal?.aborted) throw err;
    throw new ApiError(cut.aborted ? 'timeout' : 'network', 0, { detail: String(err) });
  }
  if (answer.ok) return answer;
  const problem = await readProblem(answer);
  if (answer.status === 401 && !quiet) onUnauthorized();
  throw new ApiError(problem.code ?? 'http', answer.status, problem);
}

export async function ask<T>(path: string, how: Ask = {}): Promise<T> {
  const init: RequestInit = { method: how.method ?? 'GET' };
  if (how.body !== undefined) {
    init.body = JSON.stringify(how.body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  if (how.signal) init.signal = how.signal;
  const answer = await send(BASE + path, init, how.patienceMs, how.quiet);
  if (answer.status === 204) return undefined as T;
  const text = await answer.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Reads every page of a list, up to a limit that no site reaches. */
export async function askAll<T>(path: string, query: Record<string, string> = {}, limit = 20_000): Promise<T[]> {
  const all: T[] = [];
  let after = '';
  do {
    const page = await ask<List<T>>(path + toQuery({ ...query, limit: '500', after }));
    all.push(...(page.items ?? []));
    after = page.next ?? '';
  } while (after !== '' && all.length < limit);
  return all;
}

/** `?a=1&b=2` of what is not empty; '' of nothing. */
export function toQuery(values: Record<string, string | readonly string[] | undefined>): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === '') continue;
    for (const one of typeof value === 'string' ? [value] : value) q.append(key, one);
  }
  const text = q.toString();
  return text === '' ? '' : `?${text}`;
}

async function readProblem(answer: Response): Promise<Problem> {
  try {
    const body: unknown = await answer.json();
    if (typeof body === 'object' && body !== null) return body as Problem;
  } catch {
    // Not JSON: a proxy or a crash spoke. The status says enough.
  }
  return { status: answer.status, title: answer.statusText };
}
