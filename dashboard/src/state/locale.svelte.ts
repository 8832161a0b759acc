import { isLocale, overwriteGetLocale, type Locale } from '../paraglide/runtime';

const KEPT = 'siaga.locale';

function kept(): Locale {
  try {
    const was = localStorage.getItem(KEPT);
    return isLocale(was) ? was : 'id';
  } catch {
    return 'id'; // a browser that keeps nothing still shows Indonesian
  }
}

let current = $state<Locale>(kept());

// Messages read this rune, so every text on the page changes at once, without a reload.
overwriteGetLocale(() => current);

export function locale(): Locale {
  return current;
}

export function speak(to: Locale): void {
  current = to;
  document.documentElement.lang = to;
  try {
    localStorage.setItem(KEPT, to);
  } catch {
    // Not kept: the next visit begins in Indonesian.
  }
}
