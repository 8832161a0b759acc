import { ApiError, BASE, send } from './http';
import { seam } from './seam';

export type StreamName = 'main' | 'sub';

export interface Playback {
  /** Where the pictures come from: hand it to a video element. */
  readonly media: MediaStream | string;
  /** Why this is the slower way; '' over WebRTC. */
  readonly reason: string;
  close(): void;
}

export interface VideoSink {
  /** The link broke by itself after it had worked. */
  broken(): void;
}

/** How long to collect our own addresses; the site sees us from our first packet anyway. */
const GATHER_MS = 400;
const OFFER_PATIENCE_MS = 10_000;

const path = (camera: string): string => `${BASE}/cameras/${encodeURIComponent(camera)}`;

/** Opens live video: WebRTC, and the fMP4 way when the site says that WebRTC cannot carry this stream. */
export async function openVideo(camera: string, stream: StreamName, sink: VideoSink, signal: AbortSignal): Promise<Playback> {
  try {
    return await openWhep(camera, stream, sink, signal);
  } catch (err) {
    if (err instanceof ApiError && err.code === 'needs_fmp4') return openFmp4(camera, stream, err.message, sink, signal);
    throw err;
  }
}

async function openWhep(camera: string, stream: StreamName, sink: VideoSink, signal: AbortSignal): Promise<Playback> {
  const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' });
  let session = '';
  const close = (): void => {
    peer.onconnectionstatechange = null;
    peer.close();
    if (session !== '') void send(session, { method: 'DELETE', keepalive: true }, undefined, true).catch(() => undefined);
    session = '';
  };
  try {
    const media = new MediaStream();
    peer.ontrack = (ev) => media.addTrack(ev.track);
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription();
    await gathered(peer);
    const answer = await send(
      `${path(camera)}/whep?stream=${stream}`,
      { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription?.sdp ?? '', signal },
      OFFER_PATIENCE_MS,
    );
    session = sessionPath(answer.headers.get('Location'), camera);
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    signal.throwIfAborted();
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed' || peer.connectionState === 'closed') sink.broken();
    };
    return { media, reason: '', close };
  } catch (err) {
    close();
    throw err;
  }
}

/** Only a path of this origin below this camera is taken for the session. */
function sessionPath(location: string | null, camera: string): string {
  if (location === null || location === '') return '';
  const url = new URL(location, window.location.origin + `${path(camera)}/whep`);
  return url.origin === window.location.origin ? url.pathname + url.search : '';
}

function gathered(peer: RTCPeerConnection): Promise<void> {
  if (peer.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const done = setTimeout(resolve, GATHER_MS);
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(done);
      resolve();
    });
  });
}

/** Video kept behind the newest picture, in seconds: older is thrown away, so that memory stays flat. */
const KEEP_S = 20;
/** Further behind the newest picture than this, the player jumps ahead. */
const BEHIND_S = 2.5;
const QUEUE_LIMIT = 200;

function openFmp4(camera: string, stream: StreamName, why: string, sink: VideoSink, signal: AbortSignal): Promise<Playback> {
  const source = new MediaSource();
  const url = URL.createObjectURL(source);
  const socket = seam().socket(`${path(camera)}/live.mp4?stream=${stream}`);
  socket.binaryType = 'arraybuffer';
  const close = (): void => {
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    URL.revokeObjectURL(url);
  };
  const queue: ArrayBuffer[] = [];
  let buffer: SourceBuffer | null = null;

  const feed = (): void => {
    if (buffer === null || buffer.updating || source.readyState !== 'open') return;
    try {
      const ranges = buffer.buffered;
      const end = ranges.length > 0 ? ranges.end(ranges.length - 1) : 0;
      const start = ranges.length > 0 ? ranges.start(0) : 0;
      if (end - start > 2 * KEEP_S) buffer.remove(start, end - KEEP_S);
      else {
        const next = queue.shift();
        if (next !== undefined) buffer.appendBuffer(next);
      }
    } catch {
      close();
      sink.broken();
    }
  };

  return new Promise((resolve, reject) => {
    const fail = (reason: unknown): void => {
      close();
      reject(reason instanceof Error ? reason : new ApiError('network', 0, {}));
    };
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    let opened = false;
    const begin = (head: { mime: string; reason?: string }): void => {
      if (!MediaSource.isTypeSupported(head.mime)) {
        fail(new ApiError('codec_unsupported', 0, { detail: head.mime }));
        return;
      }
      const attach = (): void => {
        buffer = source.addSourceBuffer(head.mime);
        buffer.addEventListener('updateend', feed);
        feed();
      };
      if (source.readyState === 'open') attach();
      else source.addEventListener('sourceopen', attach, { once: true });
      opened = true;
      resolve({ media: url, reason: head.reason || why, close });
    };
    socket.onmessage = (ev) => {
      if (typeof ev.data === 'string') begin(JSON.parse(ev.data) as { mime: string; reason?: string });
      else if (ev.data instanceof ArrayBuffer) {
        queue.push(ev.data);
        if (queue.length > QUEUE_LIMIT) {
          close();
          sink.broken();
        } else feed();
      }
    };
    socket.onclose = () => {
      if (opened) {
        close();
        sink.broken();
      } else fail(null);
    };
  });
}

/** Keeps a video fed by fMP4 near its newest picture. */
export function catchUp(video: HTMLVideoElement): void {
  const ranges = video.buffered;
  if (ranges.length === 0) return;
  const newest = ranges.end(ranges.length - 1);
  const oldest = ranges.start(ranges.length - 1);
  if (video.currentTime < oldest || newest - video.currentTime > BEHIND_S) video.currentTime = Math.max(oldest, newest - 0.3);
}
