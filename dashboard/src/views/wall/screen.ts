import { PATHS } from '../../state/route.svelte';

/** Fills the screen with the page, or gives it back. A browser that does not want to is left alone. */
export async function fullScreen(): Promise<void> {
  try {
    if (document.fullscreenElement === null) await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
    else await document.exitFullscreen();
  } catch {
    // Not allowed here; the browser's own key still works.
  }
}

/** Opens the window for a second screen: the wall alone, with a choice of its own. */
export function openWall(grid: number): void {
  window.open(`${PATHS.wall}?grid=${grid}`, 'siaga-wall', 'popup,width=1280,height=720');
}
