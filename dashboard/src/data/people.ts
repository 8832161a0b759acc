import type { AddedPerson, Named, OpenSession, PersonRecord, Role } from '../wire';
import { ask, askAll, toQuery } from './http';

const at = (id: string): string => `/people/${encodeURIComponent(id)}`;

export interface NewPerson {
  login: string;
  name: string;
  titles: string;
  agency: string;
  roles: readonly Role[];
  /** Left out: the site makes one and shows it once. */
  password?: string;
}

export interface PersonChange {
  login?: string;
  name?: string;
  titles?: string;
  agency?: string;
  roles?: readonly Role[];
  disabled?: boolean;
  reason?: string;
}

export function listNames(): Promise<Named[]> {
  return askAll('/people/names');
}

export function listPeople(): Promise<PersonRecord[]> {
  return askAll('/people');
}

export function addPerson(who: NewPerson): Promise<AddedPerson> {
  return ask('/people', { method: 'POST', body: who });
}

export function changePerson(id: string, change: PersonChange): Promise<PersonRecord> {
  return ask(at(id), { method: 'PATCH', body: change });
}

/** Sets another password, which must be changed at the next sign-in; without one the site makes it. Returns it. */
export async function resetPassword(id: string, password: string, reason: string): Promise<string> {
  const body = password === '' ? { reason } : { password, reason };
  const answer = await ask<{ password: string }>(`${at(id)}/password`, { method: 'POST', body });
  return answer.password;
}

/** Stops asking somebody for one-time codes. */
export function removeFactor(id: string, reason: string): Promise<void> {
  return ask(`${at(id)}/factor${toQuery({ reason })}`, { method: 'DELETE' });
}

export function listSessions(person: string): Promise<OpenSession[]> {
  return askAll('/sessions', { person });
}

export function endSession(id: string, reason: string): Promise<void> {
  return ask(`/sessions/${encodeURIComponent(id)}${toQuery({ reason })}`, { method: 'DELETE' });
}
