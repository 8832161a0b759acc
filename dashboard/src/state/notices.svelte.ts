export interface Notice {
  id: number;
  tone: 'good' | 'bad' | 'plain';
  text: string;
  detail: string;
}

const SHOWN_MS = 6_000;
const BAD_SHOWN_MS = 15_000;
const AT_MOST = 4;

class Notices {
  list = $state.raw<Notice[]>([]);
  private next = 1;

  say(tone: Notice['tone'], text: string, detail = ''): void {
    const id = this.next++;
    this.list = [...this.list, { id, tone, text, detail }].slice(-AT_MOST);
    setTimeout(() => this.drop(id), tone === 'bad' ? BAD_SHOWN_MS : SHOWN_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
