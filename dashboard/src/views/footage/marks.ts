/** Something that happened, on the line below the pictures. */
export interface Mark {
  key: string;
  at: number;
  kind: 'alert' | 'act' | 'radio' | 'flight' | 'event';
  word: string;
}

/** A stretch without video. */
export interface Stretch {
  key: string;
  from: number;
  to: number;
}
