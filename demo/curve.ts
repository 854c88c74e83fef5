// curve.ts: the objective over the steps as a line.

/** Points drawn at most; longer histories are thinned. */
const MOST_POINTS = 300;

/** Space kept free above and below the line, as a share of the height. */
const MARGIN = 0.08;

/** Draws into an <svg> with a path of class `line` and one of class `zero`. */
export function drawCurve(svg: SVGSVGElement, history: ArrayLike<number>): void {
  const { width, height } = svg.viewBox.baseVal;
  const count = Math.min(history.length, MOST_POINTS);
  const points = Array.from(
    { length: count },
    (_, i) => history[count === 1 ? 0 : Math.round((i * (history.length - 1)) / (count - 1))],
  );
  const low = Math.min(0, ...points);
  const high = Math.max(0, ...points);
  const y = (value: number): string => {
    const share = high === low ? 0 : (value - low) / (high - low);
    return (height * (1 - MARGIN - (1 - 2 * MARGIN) * share)).toFixed(2);
  };
  const x = (i: number): string => (count > 1 ? (width * i) / (count - 1) : 0).toFixed(2);
  const set = (name: string, d: string) => svg.querySelector(`.${name}`)?.setAttribute('d', d);
  set('line', points.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(value)}`).join(''));
  set('zero', points.length > 0 ? `M0 ${y(0)}H${width}` : '');
}
