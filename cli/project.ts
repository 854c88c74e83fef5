// project.ts: where the project itself lies: the bundle runs from dist/.

import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** A path from the root of the project. */
export const inProject = (...parts: string[]): string => path.join(root, ...parts);

/** For importing a module of the project that is not part of the bundle. */
export const moduleInProject = (file: string): string => pathToFileURL(inProject(file)).href;
