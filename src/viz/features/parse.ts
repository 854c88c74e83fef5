// parse.ts: objectives as text, `"inception_4a/output:97 - 100*diversity(inception_4a/output)"`.
//
//   expression  = term { ("+" | "-") term }
//   term        = factor { "*" factor }
//   factor      = number | "-" factor | "(" expression ")" | function [ "(" layer ")" ] | "logit:" K | "prob:" K
//               | "direction:" FILE "@" layer | layer [ ":" channel [ "@" x "," y ] ]
//
// Layers are named as in the file, with "/", "." and "-" in them, so a minus sign behind one needs a space before it.
// A name with other characters goes in single quotes: 'my layer':3, logit:'tiger cat'.

import type { Tensor } from '../../engine/graph.ts';
import * as objectives from './objectives.ts';
import type { Objective, Term } from './objectives.ts';

/** The text of an objective is wrong; the message points at the place. */
export class ObjectiveError extends Error {
  override name = 'ObjectiveError';
}

interface ParseOptions {
  /** Number of a class given by index or label. */
  classIndex?(text: string): number;
  /** Numbers of a `direction:FILE`. */
  readDirection?(file: string): Tensor;
}

const NUMBER = /^\d+(\.\d+)?(e[+-]?\d+)?$/i;
const TOKEN = /\s+|([()*+])|(-)|'([^']*)'|([^\s()*+']+)/gy;

interface Token {
  readonly text: string;
  readonly kind: 'sign' | 'word' | 'quoted';
  readonly at: number;
  /** True when nothing separates it from the token before. */
  readonly joined: boolean;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let end = -1;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new ObjectiveError(`objective "${source}": cannot read from "${source.slice(at)}".`);
    const [, sign, minus, quoted, word] = match;
    const text = sign ?? minus ?? quoted ?? word;
    if (text === undefined) continue;
    const kind = word !== undefined ? 'word' : quoted !== undefined ? 'quoted' : 'sign';
    tokens.push({ text, kind, at, joined: at === end });
    end = TOKEN.lastIndex;
  }
  return tokens;
}

export function parseObjective(source: string, options: ParseOptions = {}): Objective {
  const tokens = tokenize(source);
  let position = 0;
  const peek = (): Token | undefined => tokens[position];
  const fail = (message: string): never => {
    throw new ObjectiveError(`objective "${source}": ${message}`);
  };
  const accept = (text: string): boolean => {
    const token = peek();
    if (token?.kind !== 'sign' || token.text !== text) return false;
    position++;
    return true;
  };
  const expect = (text: string): void => {
    if (!accept(text)) fail(`"${text}" is missing ${peek() ? `before "${peek()?.text}"` : 'at the end'}.`);
  };

  function expression(): Term {
    let left = term();
    for (;;) {
      if (accept('+')) left = plus(left, term());
      else if (accept('-')) left = minus(left, term());
      else return left;
    }
  }

  function term(): Term {
    let left = factor();
    while (accept('*')) left = times(left, factor());
    return left;
  }

  function factor(): Term {
    if (accept('-')) return negate(factor());
    if (accept('(')) {
      const inner = expression();
      expect(')');
      return inner;
    }
    const token = peek();
    if (!token || token.kind === 'sign')
      return fail(token ? `"${token.text}" stands where a term should.` : 'a term is missing at the end.');
    position++;
    if (token.kind === 'word' && NUMBER.test(token.text)) return Number(token.text);
    if (token.kind === 'word' && peek()?.text === '(' && peek()?.kind === 'sign') return call(token.text);
    return unit(token);
  }

  function call(name: string): Objective {
    expect('(');
    const argument = peek()?.kind === 'sign' ? undefined : tokens[position++].text;
    expect(')');
    const withLayer = {
      diversity: objectives.diversity,
      alignment: objectives.alignment,
      layer: objectives.deepdream,
      deepdream: objectives.deepdream,
    };
    if (Object.hasOwn(withLayer, name)) {
      if (!argument) return fail(`${name}(…) takes the name of a layer.`);
      return withLayer[name as keyof typeof withLayer](argument);
    }
    return (
      penalty(name) ??
      fail(
        `there is no function "${name}". Known are diversity(layer), alignment(layer), layer(name), tv, l1, l2 and blur.`,
      )
    );
  }

  function penalty(name: string): Objective | undefined {
    const known = { tv: objectives.totalVariation, l1: objectives.l1, l2: objectives.l2, blur: objectives.blur };
    return Object.hasOwn(known, name) ? known[name as keyof typeof known]() : undefined;
  }

  function unit(token: Token): Objective {
    // A quoted layer name may be followed directly by `:channel`.
    const suffix =
      token.kind === 'quoted' && peek()?.joined && peek()?.text.startsWith(':') ? tokens[position++].text : '';
    const { text } = token;
    if (token.kind === 'word') {
      const plain = penalty(text);
      if (plain) return plain;
      const classTerm = /^(logit|prob):(.*)$/.exec(text);
      if (classTerm) {
        const isQuoted = classTerm[2] === '' && peek()?.kind === 'quoted' && peek()?.joined;
        const target = classNumber(isQuoted ? tokens[position++].text : classTerm[2]);
        return classTerm[1] === 'logit' ? objectives.logit(target) : objectives.prob(target);
      }
      const directed = /^direction:(.+)@([^@]+)$/.exec(text);
      if (directed) {
        if (!options.readDirection) return fail('directions cannot be read from files here.');
        return objectives.direction(directed[2], options.readDirection(directed[1]), directed[1]);
      }
    }
    const parts = token.kind === 'word' ? /^(.*?)(:[^:/]*)?$/.exec(text) : ['', text, suffix];
    const layer = parts?.[1] ?? text;
    const address = parts?.[2] ?? '';
    if (address === '') return objectives.deepdream(layer);
    const place = /^:(\d+)(?:@(\d+),(\d+))?$/.exec(address);
    if (!place) return fail(`"${layer}${address}" should read layer:channel or layer:channel@x,y with whole numbers.`);
    const channel = Number(place[1]);
    return place[2] === undefined
      ? objectives.channel(layer, channel)
      : objectives.neuron(layer, channel, Number(place[2]), Number(place[3]));
  }

  function classNumber(text: string): number {
    if (/^\d+$/.test(text)) return Number(text);
    return options.classIndex ? options.classIndex(text) : fail(`"${text}" is not a class number.`);
  }

  if (tokens.length === 0) fail('it is empty. Example: "layer:channel".');
  const result = expression();
  if (peek()) fail(`"${peek()?.text}" is left over. Put a sign between two terms.`);
  return typeof result === 'number' ? fail('it is a number alone; name a layer, a logit or a probability.') : result;
}

function plus(a: Term, b: Term): Term {
  if (typeof a === 'number') return typeof b === 'number' ? a + b : b.add(a);
  return a.add(b);
}

function times(a: Term, b: Term): Term {
  if (typeof a === 'number') return typeof b === 'number' ? a * b : b.mul(a);
  return a.mul(b);
}

function minus(a: Term, b: Term): Term {
  if (typeof a !== 'number') return a.sub(b);
  return typeof b === 'number' ? a - b : b.neg().add(a);
}

const negate = (a: Term): Term => (typeof a === 'number' ? -a : a.neg());
