// score.ts: what is explained, as a number: the score of one picture.

import { computation } from '../../engine/graph.ts';
import type { AttributionRequest } from './method.ts';
import { compileFor, type Context, targetInput, traceInput } from './subject.ts';

interface ScoreReader {
  read(request: Pick<AttributionRequest, 'input' | 'target'>): Promise<number>;
  dispose(): void;
}

/** For methods whose own program does not see the picture as it is. */
export async function scoreReader(context: Context): Promise<ScoreReader> {
  const { scores } = traceInput(context);
  const program = await compileFor(context, computation({ scores }), 'score');
  return {
    async read({ input, target }) {
      const { scores } = await program.evaluate({ x: input, ...targetInput(context, target) });
      return scores[0];
    },
    dispose: () => program.dispose(),
  };
}
