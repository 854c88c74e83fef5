// drop.ts: files dropped anywhere on the page.

import { byId } from './dom.ts';

export function listenForDrops(dropped: (file: File) => void): void {
  const veil = byId('div', 'drop');
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  window.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  window.addEventListener('dragleave', (event) => {
    // Leaving the window, not one element for another.
    if (!event.relatedTarget) veil.hidden = true;
  });
  window.addEventListener('drop', (event) => {
    veil.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) dropped(file);
  });
}

/** A button that opens the file dialog of a hidden input. */
export function listenForFiles(buttonId: string, inputId: string, chosen: (file: File) => void): void {
  const input = byId('input', inputId);
  byId('button', buttonId).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    input.value = ''; // so that the same file can be chosen again
    if (file) chosen(file);
  });
}
