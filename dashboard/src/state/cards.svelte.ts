import { SvelteMap } from 'svelte/reactivity';
import { listContacts, listRules } from '../data/console';
import type { Contact, Rule } from '../wire';

/** The action cards that the rules bring, and how the parties on them are reached. */
class Cards {
  private readonly rules = new SvelteMap<string, Rule>();
  private contacts = $state.raw<readonly Contact[]>([]);

  async load(): Promise<void> {
    const [rules, contacts] = await Promise.all([listRules(), listContacts()]);
    this.rules.clear();
    for (const rule of rules) this.rules.set(rule.id, rule);
    this.contacts = contacts;
  }

  /** What to do about alerts of a rule, in a language; none when the rule brings no card. */
  steps(rule: string, locale: 'id' | 'en'): readonly string[] {
    const steps = this.rules.get(rule)?.steps;
    return (locale === 'en' ? steps?.en : steps?.id) ?? [];
  }

  /** Whom to call, first first. A party that the site did not write down stands there without a number. */
  call(rule: string): readonly Contact[] {
    return (this.rules.get(rule)?.call ?? []).flatMap((who) => this.reach(who));
  }

  reach(who: string): readonly Contact[] {
    const known = this.contacts.filter((contact) => contact.who === who);
    return known.length > 0 ? known : [{ who, name: '', phone: '', radio: '' }];
  }

  /** Cameras that a rule wants to be seen besides those of the zone. */
  cameras(rule: string): readonly string[] {
    return this.rules.get(rule)?.cameras ?? [];
  }
}

export const cards = new Cards();
