// The two doors to the site. Everything in this folder goes through them, so a fake site can stand behind them.

export interface Seam {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Opens a websocket on a path of this origin. */
  socket(path: string): Socket;
}

/** The part of WebSocket that this folder uses. */
export interface Socket {
  binaryType: BinaryType;
  onopen: ((ev: globalThis.Event) => void) | null;
  onmessage: ((ev: MessageEvent) => void) | null;
  onclose: ((ev: CloseEvent) => void) | null;
  close(code?: number): void;
}

const real: Seam = {
  fetch: (path, init) => fetch(path, init),
  socket: (path) => new WebSocket(location.origin.replace(/^http/, 'ws') + path),
};

let door: Seam = real;

/** Puts another site behind the doors. Must be called before anything else of this folder. */
export function useSeam(seam: Seam): void {
  door = seam;
}

export function seam(): Seam {
  return door;
}
