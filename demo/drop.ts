// drop.ts: files dropped anywhere on the page.

import { byId } from './dom.ts';

/** What is given at once: the network, where one is among them, else the first; and the others. */
type Given = (file: File, others: readonly File[]) => void;

function give(files: readonly File[], given: Given): void {
  const file = files.find(({ name }) => /\.onnx$/i.test(name)) ?? files[0];
  if (file)
    given(
      file,
      files.filter((each) => each !== file),
    );
}

export function listenForDrops(dropped: Given): void {
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
    give([...(event.dataTransfer?.files ?? [])], dropped);
  });
}

/** A button that opens the file dialog of a hidden input. */
export function listenForFiles(buttonId: string, inputId: string, chosen: Given): void {
  const input = byId('input', inputId);
  byId('button', buttonId).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = ''; // so that the same file can be chosen again
    give(files, chosen);
  });
}
