import { recordedPicture } from '../../data/footage';

/** Pictures asked for at once: each is decoded anew by the site. */
const AT_ONCE = 2;
const KEPT = 120;

interface Still {
  url: Promise<string>;
}

const known = new Map<string, Still>();
const waiting: (() => void)[] = [];
let running = 0;

function turn(): Promise<void> {
  if (running < AT_ONCE) {
    running++;
    return Promise.resolve();
  }
  return new Promise((go) => waiting.push(go));
}

function done(): void {
  const next = waiting.shift();
  if (next === undefined) running--;
  else next();
}

/** The picture of a camera at the moment of an incident. It is asked for once a visit, since every look is kept in the log. */
export function still(camera: string, when: string, incident: string): Promise<string> {
  const key = `${camera} ${when} ${incident}`;
  const have = known.get(key);
  if (have !== undefined) return have.url;
  const url = turn().then(() => recordedPicture(camera, when, { incident }, AbortSignal.timeout(20_000)).finally(done));
  known.set(key, { url });
  if (known.size > KEPT) {
    const [oldest] = known;
    if (oldest !== undefined) {
      known.delete(oldest[0]);
      oldest[1].url.then((made) => URL.revokeObjectURL(made), () => undefined);
    }
  }
  return url;
}
