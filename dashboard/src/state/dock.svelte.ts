// Which of the small panels beside the queue is open. The choice is remembered.
export const PANELS = ['handover', 'plan', 'radio', 'drone'] as const;
export type Panel = (typeof PANELS)[number];

const KEPT = 'siaga.panel';

function kept(): Panel | '' {
  try {
    const was = localStorage.getItem(KEPT);
    return was === '' ? '' : (PANELS.find((panel) => panel === was) ?? 'handover');
  } catch {
    return 'handover';
  }
}

class Dock {
  open = $state<Panel | ''>(kept());

  /** Opens a panel, or closes it when it is the one that is open. */
  toggle(panel: Panel): void {
    this.open = this.open === panel ? '' : panel;
    try {
      localStorage.setItem(KEPT, this.open);
    } catch {
      // The next visit begins with the handover.
    }
  }
}

export const dock = new Dock();
