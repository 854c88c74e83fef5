// inspector.ts: the kernel inspector: times the dispatches of a task of the network on click, and shows them as a table, under the
// roofline of the device, and over the memory of the plan. A click on any of these opens the step.

import {
  chromeTrace,
  compileTask,
  type Device,
  findLabel,
  type Graph,
  memoryPlot,
  type Model,
  parseObjective,
  type Profile,
  profile,
  rooflinePlot,
  rooflineWarning,
  shareOf,
  type Step,
  type TaskName,
  totalsByKind,
} from '../src/index.ts';
import { byId, create, nextFrame, option, short } from './dom.ts';
import { showStep } from './inspectorStep.ts';
import { StepTable, time } from './inspectorTable.ts';
import { Latest } from './latest.ts';
import { saveFile } from './pictures.ts';
import { scaled } from './report.ts';
import { attempt, clearError, say } from './status.ts';
import type { Wish } from './visualizer.ts';

const TASKS: Record<TaskName, string> = {
  run: 'The network forward',
  gradient: 'Gradient of a class',
  visualize: 'A step of the image that forms',
};

const task = byId('select', 'inspector-task');
const run = byId('button', 'inspector-run');
const save = byId('button', 'inspector-save');
const bar = byId('progress', 'inspector-bar');
const body = byId('div', 'inspector-body');
const warning = byId('p', 'inspector-warning');
const detail = byId('div', 'inspector-step');

/** What is shown. The program itself is gone; what is left of it takes no memory of the GPU. */
interface Shown {
  readonly profile: Profile;
  readonly steps: readonly Pick<Step, 'planned'>[];
  readonly graph: Graph;
  readonly name: string;
}

const PLOTS = { 'inspector-roofline': rooflinePlot, 'inspector-memory': memoryPlot };
/** In pixels; narrower, they scroll. */
const LEAST_WIDTH = 280;

export class Inspector {
  private model: Model | undefined;
  private shown: Shown | undefined;
  private chosen: number | undefined;
  /** Ends the timing that goes on, of all steps or of one step's variants. */
  private going: AbortController | undefined;
  /** Whether an image forms or the tuner works: both at once would time each other. */
  private isPaused = false;
  private readonly tasks = new Latest();
  private readonly table = new StepTable(byId('table', 'inspector-steps'), (step) => this.select(step));

  constructor(
    private readonly device: Device,
    /** What the form asks for. */
    private readonly wish: () => Wish | undefined,
  ) {
    task.append(...Object.entries(TASKS).map(([name, title]) => option(name, title)));
    run.addEventListener('click', () => {
      clearError();
      if (this.going) this.going.abort();
      else this.start();
    });
    save.addEventListener('click', () => this.saveTrace());
    new ResizeObserver(() => this.draw()).observe(body);
    for (const id of Object.keys(PLOTS)) {
      byId('figure', id).addEventListener('click', ({ target }) => {
        const step = (target as Element).closest('[data-step]')?.getAttribute('data-step');
        if (step) this.select(Number(step));
      });
    }
    this.fit();
  }

  /** Another network: what was found of the one before is withdrawn; not so where only its pictures are prepared otherwise. */
  setModel(model: Model, isSame: boolean): void {
    this.model = model;
    this.going?.abort();
    if (!isSame) {
      this.shown = undefined;
      body.hidden = true;
    }
    this.fit();
  }

  /** Kernels are chosen anew: what is shown of the others stays until it is timed with these. */
  refresh(): void {
    if (!this.shown || this.isPaused) return;
    task.value = this.shown.name;
    this.start();
  }

  /** Meanwhile nothing is timed, and what is being timed stops. */
  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (isPaused) this.going?.abort();
    this.fit();
  }

  /** Ends what is being timed; resolves when it stands still. */
  async rest(): Promise<void> {
    this.going?.abort();
    while (this.going) await nextFrame();
  }

  private fit(): void {
    run.textContent = this.going ? 'Stop' : 'Profile';
    run.disabled = !this.model || (this.isPaused && !this.going);
    run.title = this.isPaused ? 'Stop the image or the tuning first: both at once would time each other' : '';
    save.disabled = !this.shown;
    for (const button of detail.querySelectorAll('button')) button.disabled = this.isPaused || this.going !== undefined;
  }

  /** One timing at a time; it ends when something else is asked for. */
  private begin(work: (signal: AbortSignal) => Promise<void>): void {
    const going = new AbortController();
    this.going = going;
    this.fit();
    void this.tasks.push(async () => {
      await attempt(async () => {
        try {
          going.signal.throwIfAborted();
          await work(going.signal);
        } catch (error) {
          if (error !== going.signal.reason) throw error;
        }
      });
      say('kernels', '');
      bar.hidden = true;
      if (this.going === going) this.going = undefined;
      this.fit();
    });
  }

  private start(): void {
    const { model } = this;
    if (!model) return;
    const name = task.value as TaskName;
    this.begin(async (signal) => {
      say('kernels', 'Timing kernels…', true);
      bar.removeAttribute('value');
      bar.hidden = false;
      await nextFrame();
      const compiled = await compileTask(this.device, model, name, this.settings(model, name), signal);
      try {
        const { program } = compiled;
        const found = await profile(program, {
          signal,
          onProgress: (done, total) => {
            bar.max = total;
            bar.value = done;
          },
        });
        if (this.model !== model) return;
        const steps = program.steps.map(({ planned }) => ({ planned }));
        this.show({ profile: found, steps, graph: program.plan.graph, name });
      } finally {
        compiled.dispose();
      }
    });
  }

  /** A visualization is that of the form, where it can be read. */
  private settings(model: Model, name: TaskName) {
    const wish = name === 'visualize' ? this.wish() : undefined;
    if (!wish) return {};
    const classIndex = (text: string): number => findLabel(model.labels, text, model.classes);
    return { objective: parseObjective(wish.objective, { classIndex }), size: wish.size, batch: wish.batch };
  }

  private show(shown: Shown): void {
    this.shown = shown;
    const { profile: found } = shown;
    body.hidden = false;
    byId('dl', 'inspector-summary').replaceChildren(
      ...summaryOf(found).flatMap(([name, textContent]) => [
        create('dt', { textContent: name }),
        create('dd', { textContent }),
      ]),
    );
    warning.textContent = rooflineWarning(found.roofline) ?? '';
    warning.hidden = warning.textContent === '';
    this.draw();
    this.table.show(found);
    const slowest = found.steps.reduce((worst, step) => (step.micros > worst.micros ? step : worst), found.steps[0]);
    if (slowest) this.select(slowest.index);
  }

  /** The plots as wide as there is room: their letters stay as they are. */
  private draw(): void {
    const { shown } = this;
    if (!shown || body.clientWidth === 0) return;
    for (const [id, plot] of Object.entries(PLOTS)) {
      const figure = byId('figure', id);
      const width = Math.max(LEAST_WIDTH, Math.floor(figure.clientWidth));
      const { documentElement } = new DOMParser().parseFromString(plot(shown.profile, { width }), 'image/svg+xml');
      figure.replaceChildren(document.importNode(documentElement, true));
    }
    this.mark();
  }

  private mark(): void {
    for (const mark of body.querySelectorAll('.plot [data-step]')) {
      mark.classList.toggle('chosen', mark.getAttribute('data-step') === String(this.chosen));
    }
  }

  private select(index: number): void {
    const { shown } = this;
    if (!shown) return;
    this.chosen = index;
    this.table.mark(index);
    this.mark();
    const { node } = shown.steps[index].planned;
    showStep(detail, shown.profile, index, {
      device: this.device,
      graph: shown.graph,
      node,
      begin: (work) => {
        clearError();
        this.begin(work);
      },
    });
    this.fit();
  }

  private saveTrace(): void {
    const { shown } = this;
    if (!shown) return;
    const blob = new Blob([JSON.stringify(chromeTrace(shown.profile))], { type: 'application/json' });
    saveFile(blob, `${shown.name}-${this.model?.name ?? 'network'}.trace.json`);
  }
}

function summaryOf({ steps, stepMicros, replayMicros, roofline, clock, rounds }: Profile): [string, string][] {
  const { worst } = roofline;
  const flops = steps.reduce((sum, step) => sum + step.flops, 0);
  const gap = Math.round(100 * (replayMicros / stepMicros - 1));
  const kinds = totalsByKind(steps)
    .slice(0, 4)
    .map(({ op, variant, micros }) => `${op} ${variant} ${Math.round((100 * micros) / stepMicros)} %`);
  return [
    [
      'Steps',
      `${steps.length} dispatches, ${time(stepMicros)}, ${scaled(flops)}FLOP: ${short(flops / stepMicros / 1e3)} GFLOP/s, ` +
        `${Math.round(100 * shareOf(steps))} % of the roofline`,
    ],
    [
      'Whole replay',
      `${time(replayMicros)} by the wall clock, ${Math.abs(gap)} % ${gap < 0 ? 'less' : 'more'} than the steps one by one`,
    ],
    ['Slowest kernels', kinds.join(', ')],
    [
      'This device',
      `${short(roofline.flopsPerSecond / 1e9)} GFLOP/s of multiply-adds (${short(roofline.loopFlopsPerSecond / 1e9)} in a plain loop), ` +
        `${short(roofline.bytesPerSecond / 1e9)} GB/s copied by a kernel, ` +
        `${short(roofline.dispatchMicros)} µs an empty dispatch; at worst of ${roofline.rounds} measurements ` +
        `${short(worst.flopsPerSecond / 1e9)} GFLOP/s, ${short(worst.bytesPerSecond / 1e9)} GB/s, ${short(worst.dispatchMicros)} µs`,
    ],
    [
      'Clock',
      `${clock === 'timestamps' ? "the device's timestamps" : 'the wall clock'}, ${rounds === 1 ? '1 round' : `medians of ${rounds} rounds`}`,
    ],
  ];
}
