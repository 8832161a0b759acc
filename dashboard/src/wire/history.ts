// What the history shows of incidents: counts, the story, the written report, other offices' numbers.

/** The written report (Lapdi) in its seven fields, in the order of si-a-di-de-men-ba-bi. */
export interface Report {
  who: string;
  what: string;
  where: string;
  with: string;
  why: string;
  how: string;
  when: string;
}

/** The report as it stands: who wrote it last, and `seq` to name as `base` when it is written anew. */
export interface WrittenReport extends Report {
  seq: number;
  by: string;
  by_name: string;
  at: string;
}

/** A number under which another office keeps the case. */
export interface Reference {
  office: string;
  number: string;
  withdrawn?: boolean;
}

export interface KeptReference extends Reference {
  by: string;
  by_name: string;
  at: string;
}

/** What happened, in five sentences made of facts alone. */
export interface Story {
  id: string[];
  en: string[];
}

/** How many incidents share something, in the period and in the one before. */
export interface Tally {
  key: string;
  count: number;
  before: number;
}

export interface Bucket {
  from: string;
  count: number;
  critical: number;
}

/** Seconds until somebody accepted. */
export interface Waits {
  count: number;
  waiting: number;
  median_s: number;
  worst_s: number;
  worst: string;
  before_count: number;
  before_median_s: number;
  before_worst_s: number;
}

export interface Summary {
  /** null when the period has no beginning; then there is nothing to compare with. */
  from: string | null;
  to: string;
  before_from: string | null;
  total: number;
  before: number;
  open: number;
  priorities: Tally[];
  categories: Tally[];
  zones: Tally[];
  states: Tally[];
  unit: 'hour' | 'day';
  buckets: Bucket[];
  accept: Waits;
}
