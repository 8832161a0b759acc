import { mount } from 'svelte';
import './app.css';
import { locale, speak } from './state/locale.svelte';
import App from './views/shell/App.svelte';

async function begin(): Promise<void> {
  if (import.meta.env.MODE === 'fake') {
    const [{ useSeam }, { fakeSite }] = await Promise.all([import('./data/seam'), import('./fake/site')]);
    useSeam(fakeSite(new URLSearchParams(location.search)));
  }
  speak(locale());
  const target = document.getElementById('app');
  if (target !== null) mount(App, { target });
}

void begin();
