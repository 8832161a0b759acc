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
  person = $state<Person | null>(null);
  private scopes = $state.raw<Record<string, string>>({});

  constructor() {
    whenSignedOut(() => this.expire());
  }

  can(right: Right): boolean {
    return allows(this.scopes, right);
  }

  expire(): void {
    if (this.standing === 'signed_in') this.expired = true;
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

  /** Leaves. The page is loaded afresh, so that nothing of this person stays in memory. */
  async signOut(): Promise<void> {
    await signOut().catch(() => undefined);
    location.assign('/');
  }

  private take(session: Session): void {
    if (this.person !== null && this.person.id !== session.person.id) {
      location.reload(); // somebody else took over: nothing of the first person stays
      return;
    }
    this.site = session.site;
    this.person = session.person;
    names.learn(session.person.id, session.person.name);
    this.scopes = session.scopes;
    this.expired = false;
    this.standing = session.must_change ? 'must_change' : 'signed_in';
  }
}

export const session = new SessionStore();
