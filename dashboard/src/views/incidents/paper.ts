/** The institution's full name, as its letterhead spells it: "KPU Kabupaten Majene" is the Komisi Pemilihan Umum there. */
export function letterhead(site: string): string {
  return site
    .replace(/^KPU\b/i, 'Komisi Pemilihan Umum')
    .replace(/^KIP\b/i, 'Komisi Independen Pemilihan')
    .replace(/^Bawaslu\b/i, 'Badan Pengawas Pemilihan Umum')
    .toUpperCase();
}

/** The town before the date of a letter. */
export function town(site: string): string {
  return /\b(?:Kabupaten|Kota|Provinsi|Aceh)\s+(.+)$/i.exec(site)?.[1] ?? site;
}

/** Text inside quotes of a stylesheet. */
const quoted = (text: string): string => `"${text.replace(/[^ -~–À-ɏ]/g, ' ').replace(/["\\]/g, ' ')}"`;

/** A4 with page numbers and a line at the foot of every page, while the returned function has not been called. */
export function usePaper(foot: string): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`@page {
    size: A4;
    margin: 16mm 18mm 22mm 22mm;
    @bottom-left { content: ${quoted(foot)}; font: 7.5pt/1.25 monospace; color: #333; vertical-align: top; padding-top: 3mm; width: 78%; }
    @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif; color: #000; vertical-align: top; padding-top: 3mm; }
  }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
}
