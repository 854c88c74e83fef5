// palette.ts: the colours of one drawing: varied, vivid more often than not, and always told apart from each other.
//
// Colours are chosen in Oklab (B. Ottosson, "A perceptual color space for image processing", 2020), where equal
// distances look about equally different, so that "visible" is a number: see `leastContrast`.

import { between, chance, type Random } from '../random.ts';
import { cosine, sine } from './fields.ts';

/** A colour as it is stored in pixels: red, green, blue in 0..1, gamma-encoded. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A colour in Oklab: lightness 0..1, and the two opponent axes green to red and blue to yellow, about -0.3..0.3. */
type Lab = { lightness: number; a: number; b: number };

/** Each layer runs from its first colour to its second across the picture. */
export type Ramp = readonly [from: Rgb, to: Rgb];

/** The colours of one drawing. `faint` is close to the ground; `outline` is far from ground and figure. */
type Palette = { ground: Ramp; figure: Ramp; faint: Rgb; outline: Rgb };

/** Oklab distance of figure and ground, drawn for each picture: 0.18 is faint but plain, 0.4 is bold. */
const leastContrast = { low: 0.18, high: 0.4 };

/** How far apart the two ends of a ramp, and the ground and its faint texture, may be; well below any contrast. */
const rampLength = 0.07;
const faintLength = 0.09;

export function pickPalette(random: Random): Palette {
  const contrast = between(random, leastContrast.low, leastContrast.high);
  const ground = anyColour(random);
  const groundEnd = nearColour(random, ground, rampLength);
  const faint = nearColour(random, ground, faintLength);
  const figure = colourAwayFrom(random, [ground, groundEnd, faint], contrast);
  const figureEnd = nearColour(random, figure, rampLength);
  const outline = colourAwayFrom(random, [ground, figure], leastContrast.low);
  return {
    ground: [toRgb(ground), toRgb(groundEnd)],
    figure: [toRgb(figure), toRgb(figureEnd)],
    faint: toRgb(faint),
    outline: toRgb(outline),
  };
}

/** Any displayable colour: one in six nearly grey, the others the more colourful of two, or most would be muted. */
function anyColour(random: Random): Lab {
  if (chance(random, 1 / 6)) return colourOf(random, between(random, 0, 0.03));
  const first = colourOf(random, between(random, 0.08, 0.3));
  const second = colourOf(random, between(random, 0.08, 0.3));
  return chroma(first) > chroma(second) ? first : second;
}

/** A colour of random lightness and hue, with as much of the wanted chroma as a display has there. */
function colourOf(random: Random, wanted: number): Lab {
  const lightness = between(random, 0.22, 0.95);
  const hue = random();
  return displayable({ lightness, a: wanted * cosine(hue), b: wanted * sine(hue) });
}

/** A colour at most about `reach` away. */
function nearColour(random: Random, { lightness, a, b }: Lab, reach: number): Lab {
  const step = () => between(random, -reach, reach) * Math.sqrt(1 / 3); // three axes
  return displayable({ lightness: Math.min(1, Math.max(0, lightness + step())), a: a + step(), b: b + step() });
}

/**
 * A colour at least `contrast` away from all the others. From a middle grey no colour may be as far as that, so every
 * failed draw asks for 1% less; a few draws are enough as a rule.
 */
function colourAwayFrom(random: Random, others: readonly Lab[], contrast: number): Lab {
  for (let wanted = contrast; ; wanted *= 0.99) {
    const colour = anyColour(random);
    if (others.every((other) => distance(colour, other) >= wanted)) return colour;
  }
}

function distance(p: Lab, q: Lab): number {
  const [dl, da, db] = [p.lightness - q.lightness, p.a - q.a, p.b - q.b];
  return Math.sqrt(dl * dl + da * da + db * db);
}

function chroma({ a, b }: Lab): number {
  return Math.sqrt(a * a + b * b);
}

/** The colour with only as much chroma as a display has at its lightness and hue. */
function displayable({ lightness, a, b }: Lab): Lab {
  for (let kept = 1; kept > 0.01; kept *= 0.92) {
    const colour = { lightness, a: a * kept, b: b * kept };
    if (toLinear(colour).every((channel) => channel >= 0 && channel <= 1)) return colour;
  }
  return { lightness, a: 0, b: 0 };
}

/** Oklab to linear sRGB; the matrices are the paper's. */
function toLinear({ lightness, a, b }: Lab): Rgb {
  const l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const s = cube(lightness - 0.0894841775 * a - 1.291485548 * b);
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** Oklab to pixel values. A square root stands for sRGB's power 1 / 2.4: close, and the same on every machine. */
function toRgb(colour: Lab): Rgb {
  const [red, green, blue] = toLinear(colour);
  const encode = (channel: number) => Math.sqrt(Math.min(1, Math.max(0, channel)));
  return [encode(red), encode(green), encode(blue)];
}

function cube(x: number): number {
  return x * x * x;
}
