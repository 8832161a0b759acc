import { BASE, send } from './http';

/** The newest signed statement of the log: how many events, and the hash over all of them. */
export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
}

/** Reads the signed note; null when this person may not read proofs or nothing was signed yet. */
export async function readCheckpoint(): Promise<Checkpoint | null> {
  let note: string;
  try {
    note = await (await send(BASE + '/checkpoint', {}, undefined, true)).text();
  } catch {
    return null; // what it is for can be done without
  }
  const [origin = '', size = '', root = ''] = note.split('\n');
  return root === '' ? null : { origin, size: Number(size), root };
}
