// What happens to a request when the session has ended meanwhile.
import { afterEach, describe, expect, it } from 'vitest';
import { ApiError, ask, whenSignedOut } from '../src/data/http';
import { useSeam } from '../src/data/seam';

const refused = (code: string, status = 401): Response => new Response(JSON.stringify({ code, status }), { status });

/** A site that gives these answers, one after the other. */
function answers(...list: Response[]): { asked: string[] } {
  const seen = { asked: [] as string[] };
  useSeam({
    fetch: (_path, init) => {
      seen.asked.push(String(init?.body ?? ''));
      return Promise.resolve(list.shift() ?? new Response('{}'));
    },
    socket: () => {
      throw new Error('no socket here');
    },
  });
  return seen;
}

afterEach(() => whenSignedOut(() => Promise.resolve(false)));

describe('a session that ended in the middle of an act', () => {
  it('keeps the act until the person has signed in again, then carries it out', async () => {
    let again: (yes: boolean) => void = () => undefined;
    const asked = new Promise<void>((heard) => {
      whenSignedOut(() => {
        heard();
        return new Promise((done) => (again = done));
      });
    });
    const site = answers(refused('signed_out'), new Response('{"done":true}'));
    const act = ask<{ done: boolean }>('/incidents/1/note', { method: 'POST', body: { note: 'sudah diketik' } });
    await asked;
    again(true);
    expect(await act).toEqual({ done: true });
    expect(site.asked).toEqual(['{"note":"sudah diketik"}', '{"note":"sudah diketik"}']);
  });

  it('says so when the person does not sign in again', async () => {
    const site = answers(refused('signed_out'));
    await expect(ask('/x')).rejects.toMatchObject({ code: 'signed_out', status: 401 });
    expect(site.asked.length).toBe(1);
  });

  it('tries once more, not for ever', async () => {
    whenSignedOut(() => Promise.resolve(true));
    const site = answers(refused('signed_out'), refused('signed_out'), refused('signed_out'));
    await expect(ask('/x')).rejects.toBeInstanceOf(ApiError);
    expect(site.asked.length).toBe(2);
  });

  it('asks nobody to sign in because a password was wrong, or where the answer is the question', async () => {
    whenSignedOut(() => Promise.reject(new Error('asked')));
    answers(refused('bad_credentials'), refused('signed_out'));
    await expect(ask('/session/password', { method: 'POST', body: {} })).rejects.toMatchObject({ code: 'bad_credentials' });
    await expect(ask('/session', { quiet: true })).rejects.toMatchObject({ code: 'signed_out' });
  });

  it('lets go of a request that nobody waits for any more', async () => {
    whenSignedOut(() => new Promise(() => undefined));
    answers(refused('signed_out'));
    const gone = new AbortController();
    const act = ask('/x', { signal: gone.signal });
    gone.abort();
    await expect(act).rejects.toMatchObject({ code: 'signed_out' });
  });
});
