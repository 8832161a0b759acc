import { ApiError, whenSignedOut } from '../data/http';
import { changeOwnPassword, enrol, getSession, getSetup, signIn, signOut, type Enrolment } from '../data/session';
import type { Person, Session, Site } from '../wire';
import { names } from './names.svelte';
import { allows, type Right } from './rights';

export type Standing = 'loading' | 'unreachable' | 'setup' | 'signed_out' | 'must_change' | 'signed_in';

class SessionStore {
  standing = $state<Standing>('loading');
  /** Signed in, but the site no longer knows this session: ask again over the page, and lose nothing on it. */
  expired = $state(false);
  site = $state<Site | null>(null);
  /** Somebody at this screen knows that the site stands by. */
  standbyHeard = $state(false);
  person = $state<Person | null>(null);
  /** How far each of the person's rights reaches. */
  scopes = $state.raw<Record<string, string>>({});
  /** Requests that wait for the person to sign in again. */
  private waiting: ((again: boolean) => void)[] = [];

  constructor() {
    whenSignedOut(() => this.expire());
  }

  can(right: Right): boolean {
    return allows(this.scopes, right);
  }

  /** Looks whether the site still knows this session, and asks to sign in again if not. */
  async check(): Promise<void> {
    if (this.standing !== 'signed_in' || this.expired) return;
    try {
      await getSession();
    } catch (err) {
      if (err instanceof ApiError && err.status === 401) this.expired = true;
    }
  }

  /** The site does not know this session any more. Resolves when the person has signed in again, with whether they have. */
  async expire(): Promise<boolean> {
    if (this.standing !== 'signed_in') return false;
    if (!this.expired) {
      try {
        this.take(await getSession()); // another tab was faster
        return this.standing === 'signed_in';
      } catch (err) {
        if (!(err instanceof ApiError) || err.status !== 401) return false;
      }
    }
    this.expired = true;
    return new Promise((done) => this.waiting.push(done));
  }

  async begin(): Promise<void> {
    this.standing = 'loading';
    try {
      this.take(await getSession());
    } catch (err) {
      if (err instanceof ApiError && err.status === 401) await this.meet();
      else this.standing = 'unreachable';
    }
  }

  private async meet(): Promise<void> {
    try {
      const setup = await getSetup();
      this.site = setup.site;
      this.standing = setup.enrolled ? 'signed_out' : 'setup';
    } catch {
      this.standing = 'unreachable';
    }
  }

  async signIn(name: string, password: string, code?: string): Promise<void> {
    this.take(await signIn(name, password, code));
  }

  /** Leaves a password that somebody else set; the site lets nobody work with one. */
  async choosePassword(old: string, fresh: string): Promise<void> {
    await changeOwnPassword(old, fresh);
    await this.begin();
  }

  async enrol(who: Enrolment): Promise<void> {
    await enrol(who);
    await this.signIn(who.login, who.password);
  }

  /** Reads anew who is signed in, after a change of the own account. */
  async refresh(): Promise<void> {
    this.take(await getSession());
  }

  /** Leaves. The page is loaded afresh, so that nothing of this person stays in memory. */
  async signOut(): Promise<void> {
    await signOut().catch(() => undefined);
    location.assign('/');
  }

  /** The site says of itself how it is. When it begins or ends to stand by, everything on the page is another's. */
  hear(site: Site): void {
    if (this.standing === 'signed_in' && !this.site?.standby !== !site.standby) location.reload();
  }

  private take(session: Session): void {
    if (this.person !== null && this.person.id !== session.person.id) {
      location.reload(); // somebody else took over: nothing of the first person stays
      return;
    }
    this.hear(session.site);
    this.site = session.site;
    this.person = session.person;
    names.learn(session.person.id, session.person.name);
    this.scopes = session.scopes;
    this.expired = false;
    this.standing = session.must_change ? 'must_change' : 'signed_in';
    const waiting = this.waiting;
    this.waiting = [];
    for (const done of waiting) done(this.standing === 'signed_in');
  }
}

export const session = new SessionStore();
