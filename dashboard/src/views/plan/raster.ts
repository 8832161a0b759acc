// Any picture the browser can show becomes one the site takes: PNG or JPEG within its limits. Drawing it on a canvas
// also leaves behind what is no picture: scripts of an SVG, where a photograph was taken.

const MOST_BYTES = 8 << 20;
const MOST_SIDE = 4096;
const MOST_PIXELS = 16_000_000;
export const LEAST_SIDE = 64;
/** An SVG has no pixels of its own; it is drawn at least this wide. */
const VECTOR_WIDTH = 2000;

export interface Raster {
  picture: Blob;
  width: number;
  height: number;
}

/** Throws when the file is no picture that this browser can show. */
export async function rasterise(file: File): Promise<Raster> {
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const vector = file.type === 'image/svg+xml';
    const natural = { width: image.naturalWidth || VECTOR_WIDTH, height: image.naturalHeight || VECTOR_WIDTH };
    if (file.type === 'image/png' && file.size <= MOST_BYTES && fits(natural)) return { picture: file, ...natural };
    const wanted = vector && natural.width < VECTOR_WIDTH ? VECTOR_WIDTH / natural.width : 1;
    const scale = Math.min(wanted, MOST_SIDE / natural.width, MOST_SIDE / natural.height, Math.sqrt(MOST_PIXELS / (natural.width * natural.height)));
    const width = Math.round(natural.width * scale);
    const height = Math.round(natural.height * scale);
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext('2d');
    if (pen === null) throw new Error('no canvas');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, width, height); // a drawing without a ground is black on paper
    pen.drawImage(image, 0, 0, width, height);
    let picture = await canvas.convertToBlob({ type: file.type === 'image/jpeg' ? 'image/jpeg' : 'image/png', quality: 0.9 });
    if (picture.size > MOST_BYTES) picture = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 });
    return { picture, width, height };
  } finally {
    URL.revokeObjectURL(address);
  }
}

const fits = (size: { width: number; height: number }): boolean => Math.max(size.width, size.height) <= MOST_SIDE && size.width * size.height <= MOST_PIXELS;
