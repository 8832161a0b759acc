// What the fake cameras see: a room drawn in the grey of a night camera, with its own clock in the corner.

const WIDTH = 640;
const HEIGHT = 360;
const EVERY_MS = 160;

export interface Scene {
  readonly stream: MediaStream;
  freeze(): void;
}

const scenes = new Map<string, Scene>();

export function sceneOf(camera: string, label: string, frozen: boolean): Scene {
  const known = scenes.get(camera);
  if (known !== undefined) return known;
  const made = paint(camera, label);
  scenes.set(camera, made);
  if (frozen) setTimeout(() => made.freeze(), 3_500);
  return made;
}

function paint(camera: string, label: string): Scene {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('this browser draws no pictures');
  const seed = [...camera].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 9973, 7);
  const back = room(seed, /gudang|arsip|bongkar/.test(camera));
  let frame = 0;
  const draw = (): void => {
    frame++;
    pen.drawImage(back, 0, 0);
    walker(pen, seed, frame);
    grain(pen, frame);
    stamp(pen, label);
  };
  draw();
  const turn = setInterval(draw, EVERY_MS);
  return { stream: canvas.captureStream(1000 / EVERY_MS), freeze: () => clearInterval(turn) };
}

function room(seed: number, store: boolean): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext('2d');
  if (pen === null) return canvas;
  const horizon = 120 + (seed % 40);
  const vanish = 220 + (seed % 200);
  const wall = pen.createLinearGradient(0, 0, 0, horizon);
  wall.addColorStop(0, '#20262a');
  wall.addColorStop(1, '#4a5357');
  pen.fillStyle = wall;
  pen.fillRect(0, 0, WIDTH, horizon);
  const floor = pen.createLinearGradient(0, horizon, 0, HEIGHT);
  floor.addColorStop(0, '#565f62');
  floor.addColorStop(1, '#23292c');
  pen.fillStyle = floor;
  pen.fillRect(0, horizon, WIDTH, HEIGHT - horizon);
  pen.strokeStyle = 'rgb(20 26 30 / 0.5)';
  for (let x = -600; x <= 1240; x += 90) {
    pen.beginPath();
    pen.moveTo(vanish, horizon);
    pen.lineTo(x, HEIGHT);
    pen.stroke();
  }
  if (store) shelves(pen, seed, horizon, vanish);
  else walls(pen, seed, horizon);
  const lamp = pen.createRadialGradient(vanish, horizon - 30, 10, vanish, horizon, 380);
  lamp.addColorStop(0, 'rgb(255 255 240 / 0.35)');
  lamp.addColorStop(1, 'rgb(0 0 0 / 0.35)');
  pen.fillStyle = lamp;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  return canvas;
}

function shelves(pen: CanvasRenderingContext2D, seed: number, horizon: number, vanish: number): void {
  for (let i = 6; i >= 1; i--) {
    const depth = 1 / i;
    for (const side of [-1, 1]) {
      const x = vanish + side * 360 * depth;
      const height = 330 * depth;
      const width = 120 * depth;
      const top = horizon - height * 0.42;
      pen.fillStyle = `rgb(${46 + 10 * i} ${52 + 10 * i} ${54 + 10 * i})`;
      pen.fillRect(x - width / 2, top, width, height);
      for (let row = 0; row < 4; row++) {
        for (let col = 0; col < 3; col++) {
          if ((seed + i * 7 + row * 3 + col * 5 + side) % 6 === 0) continue;
          const shade = 92 + ((seed + row * 29 + col * 17 + i * 11) % 60);
          pen.fillStyle = `rgb(${shade} ${shade} ${shade - 8})`;
          pen.fillRect(x - width / 2 + (col * width) / 3 + 1, top + (row * height) / 4 + height * 0.06, width / 3 - 2, height / 4 - height * 0.07);
        }
      }
    }
  }
}

function walls(pen: CanvasRenderingContext2D, seed: number, horizon: number): void {
  pen.fillStyle = '#2a3135';
  const door = 60 + (seed % 420);
  pen.fillRect(door, horizon - 96, 62, 100);
  pen.fillStyle = '#39434a';
  pen.fillRect(door + 4, horizon - 92, 54, 96);
  for (let i = 0; i < 4; i++) {
    pen.fillStyle = i % 2 === 0 ? '#6d787d' : '#596469';
    pen.fillRect(20 + ((seed * (i + 3)) % 560), horizon - 78, 54, 34);
  }
  for (let i = 0; i < 5; i++) {
    const x = (seed * (i + 1) * 37) % WIDTH;
    const y = horizon + 30 + ((seed * (i + 2)) % 120);
    const size = 20 + (y - horizon) * 0.35;
    pen.fillStyle = '#3b4447';
    pen.fillRect(x, y - size, size * 1.5, size);
    pen.fillStyle = '#6a7478';
    pen.fillRect(x, y - size, size * 1.5, size * 0.25);
  }
}

function walker(pen: CanvasRenderingContext2D, seed: number, frame: number): void {
  if (seed % 3 !== 0) return;
  const along = ((frame * 2 + seed * 13) % 900) - 130;
  const y = 215 + (seed % 60);
  const stride = Math.sin(frame / 2) * 7;
  pen.fillStyle = 'rgb(14 18 20 / 0.85)';
  pen.beginPath();
  pen.ellipse(along, y - 66, 9, 11, 0, 0, 7);
  pen.fill();
  pen.fillRect(along - 12, y - 55, 24, 42);
  pen.fillRect(along - 10 - stride / 2, y - 14, 9, 38);
  pen.fillRect(along + 1 + stride / 2, y - 14, 9, 38);
}

function grain(pen: CanvasRenderingContext2D, frame: number): void {
  for (let i = 0; i < 130; i++) {
    const x = (i * 197 + frame * 61) % WIDTH;
    const y = (i * 89 + frame * 37) % HEIGHT;
    pen.fillStyle = i % 2 === 0 ? 'rgb(255 255 255 / 0.07)' : 'rgb(0 0 0 / 0.12)';
    pen.fillRect(x, y, 3, 2);
  }
}

function stamp(pen: CanvasRenderingContext2D, label: string): void {
  const time = new Date(Date.now() + 8 * 3_600_000).toISOString();
  pen.font = '600 17px monospace';
  pen.fillStyle = 'rgb(0 0 0 / 0.55)';
  pen.fillRect(8, 8, 218, 26);
  pen.fillStyle = '#f4f7f2';
  pen.fillText(`${time.slice(8, 10)}-${time.slice(5, 7)}-${time.slice(0, 4)} ${time.slice(11, 19)}`, 14, 27);
  pen.fillText(label, 14, HEIGHT - 14);
}

/** Answers a WHEP offer out of this very page. */
export async function answer(offer: string, scene: Scene): Promise<{ sdp: string; close(): void }> {
  const peer = new RTCPeerConnection();
  await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  for (const track of scene.stream.getVideoTracks()) peer.addTrack(track, scene.stream);
  await peer.setLocalDescription();
  await new Promise<void>((resolve) => {
    if (peer.iceGatheringState === 'complete') resolve();
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState === 'complete') resolve();
    });
    setTimeout(resolve, 400);
  });
  return { sdp: peer.localDescription?.sdp ?? '', close: () => peer.close() };
}

/** A still of a scene as base64 JPEG. */
export function still(camera: string): string {
  const canvas = room([...camera].reduce((sum, c) => sum + c.charCodeAt(0), 0), true);
  return canvas.toDataURL('image/jpeg', 0.8).split(',')[1] ?? '';
}
