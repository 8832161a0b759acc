// Who people are, what they may do, and where they are signed in. Types only.
import type { Site } from './index';

export type Role =
  | 'guard'
  | 'leader'
  | 'secretariat'
  | 'chair'
  | 'technician'
  | 'it-security'
  | 'auditor'
  | 'administrator';

export interface Person {
  id: string;
  login: string;
  name: string;
  /** The first of `roles`. */
  role: Role;
  roles?: Role[] | null;
  titles?: string;
  agency?: string;
  /** Is asked for a one-time code. */
  totp?: boolean;
}

export interface Session {
  person: Person;
  rights: string[];
  /** How far each right reaches: full, read, squad, siber, test, propose, revoke, posture, own. */
  scopes: Record<string, string>;
  site: Site;
  expires_at: string;
  /** Another password must be chosen before anything else. */
  must_change?: boolean;
}

/** What everybody may know of everybody: whose act it was. */
export interface Named {
  id: string;
  name: string;
}

/** A person as the administrator sees them. */
export interface PersonRecord extends Person {
  disabled?: boolean;
  created_at?: string;
}

/** A new person; a password that the site made is told this once. */
export interface AddedPerson extends PersonRecord {
  password?: string;
}

/** Somebody signed in somewhere, or a token of a script. */
export interface OpenSession {
  id: string;
  person: string;
  script: boolean;
  label: string;
  address: string;
  agent: string;
  created_at: string;
  expires_at: string;
  /** The one that asks. */
  current: boolean;
}

/** What an app for one-time codes must be told, once. */
export interface Factor {
  secret: string;
  address: string;
  /** The address as a QR code: rows of 0 and 1, 1 is dark. */
  qr: string[];
}
