// Whether the list of keys is open. It belongs to no view: "?" opens it everywhere.
class Help {
  open = $state(false);
}

export const help = new Help();

/** Keys typed into a field are text, not orders. */
export const writing = (target: EventTarget | null): boolean => target instanceof Element && target.closest('input, textarea, select, [contenteditable]') !== null;
