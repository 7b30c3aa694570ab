import { levenshteinDistance } from "../std/levenshtein_distance.ts";

/** The longest name of an agent, a bottle or a git remote: names become parts of container names. */
const MAX_NAME = 40;

/** What agents, bottles and git remotes may be called. A name becomes a file name and an argument. */
export const NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** What a skill may be called: the rule of Claude Code, which also keeps it one path segment. */
export const SKILL_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Says what `NAME` asks for, for messages. */
export const NAME_RULE = `must match [a-z][a-z0-9-]* and have at most ${MAX_NAME} characters`;

/** Finds the candidate a misspelt word was probably meant to be, if one is near enough. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // Words from outside can be of any length and the distance costs length × length.
  if (word.length > 100) return undefined;
  // Half the word, so that two letters swapped in a word of four still count.
  const limit = Math.min(3, Math.max(1, Math.floor(word.length / 2)));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = levenshteinDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Renders the end of a message about a misspelt word: `, did you mean "x"`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? "" : `, did you mean "${candidate}"`;
}
