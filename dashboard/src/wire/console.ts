// What the guard's console needs besides alerts and incidents.
import type { Words } from './index';

/** One rule in force, with the action card it brings. */
export interface Rule {
  id: string;
  title: Words;
  steps: { id: string[] | null; en: string[] | null };
  call: string[] | null;
  cameras: string[] | null;
}

/** How a party that action cards name is reached. */
export interface Contact {
  who: string;
  name: string;
  phone: string;
  radio: string;
}

/** What the site expects of the person before this console. */
export interface Watched {
  idle_ms: number;
  ask_after_ms: number;
  answer_within_ms: number;
}
