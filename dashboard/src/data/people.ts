import type { Named, PersonRecord, Role } from '../wire';
import { ask, askAll } from './http';

const at = (id: string): string => `/people/${encodeURIComponent(id)}`;

export interface NewPerson {
  login: string;
  name: string;
  role: Role;
  password: string;
}

export function listNames(): Promise<Named[]> {
  return askAll('/people/names');
}

export function listPeople(): Promise<PersonRecord[]> {
  return askAll('/people');
}

export function addPerson(who: NewPerson): Promise<PersonRecord> {
  return ask('/people', { method: 'POST', body: who });
}

export function changePerson(id: string, change: { name?: string; role?: Role; disabled?: boolean; reason?: string }): Promise<PersonRecord> {
  return ask(at(id), { method: 'PATCH', body: change });
}

export function setPassword(id: string, password: string): Promise<void> {
  return ask(`${at(id)}/password`, { method: 'POST', body: { password } });
}
