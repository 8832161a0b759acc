import type { Factor, OpenSession, Session, Setup } from '../wire';
import { ask, askAll } from './http';

export function getSetup(): Promise<Setup> {
  return ask('/setup', { quiet: true });
}

export interface Enrolment {
  code: string;
  name: string;
  login: string;
  password: string;
}

export function enrol(who: Enrolment): Promise<void> {
  return ask('/setup', { method: 'POST', body: who, quiet: true });
}

export function getSession(): Promise<Session> {
  return ask('/session', { quiet: true });
}

export async function signIn(name: string, password: string, code?: string): Promise<Session> {
  const body = code ? { name, password, code } : { name, password };
  await ask('/session', { method: 'POST', body, quiet: true });
  // The answer to the sign-in carries a bearer token for scripts; the page only wants who and what.
  return getSession();
}

export function changeOwnPassword(old: string, password: string): Promise<void> {
  return ask('/session/password', { method: 'POST', body: { old, password } });
}

export function listOwnSessions(): Promise<OpenSession[]> {
  return askAll('/session/sessions');
}

export function endOwnSession(id: string): Promise<void> {
  return ask(`/session/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

/** Begins to use a one-time-code app. It counts once a code of it was shown. */
export function beginFactor(password: string): Promise<Factor> {
  return ask('/session/factor', { method: 'POST', body: { password } });
}

export function confirmFactor(code: string): Promise<void> {
  return ask('/session/factor/confirm', { method: 'POST', body: { code } });
}

export function signOut(): Promise<void> {
  return ask('/session', { method: 'DELETE', quiet: true });
}
