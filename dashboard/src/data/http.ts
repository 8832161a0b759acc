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

let signInAgain: () => Promise<boolean> = () => Promise.resolve(false);

/** Registers who asks the person to sign in again when the site no longer knows this session; true: the same person has. */
export function whenSignedOut(ask: () => Promise<boolean>): void {
  signInAgain = ask;
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
  /** Not being signed in is an answer here, not the end of the session. */
  quiet?: boolean;
  patienceMs?: number;
}

/**
 * Sends one request to a path of this origin and returns the answer, or throws an ApiError. When the session has ended
 * meanwhile, the request waits until the person has signed in again, and is then sent a second time: the site refused it
 * before it did anything.
 */
export async function send(path: string, init: RequestInit, patienceMs = PATIENCE_MS, quiet = false): Promise<Response> {
  try {
    return await sendOnce(path, init, patienceMs);
  } catch (err) {
    if (quiet || !(err instanceof ApiError) || err.code !== 'signed_out') throw err;
    if (!(await unlessCut(signInAgain(), init.signal))) throw err;
    return sendOnce(path, init, patienceMs);
  }
}

/** Waits, unless who asked has gone. */
function unlessCut(wait: Promise<boolean>, signal: AbortSignal | null | undefined): Promise<boolean> {
  if (!signal) return wait;
  const cut = new Promise<boolean>((done) => signal.addEventListener('abort', () => done(false), { once: true }));
  return signal.aborted ? Promise.resolve(false) : Promise.race([wait, cut]);
}

async function sendOnce(path: string, init: RequestInit, patienceMs: number): Promise<Response> {
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
