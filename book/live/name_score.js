// How well yes and no to pictures predict a unit's answers, in the words of coursekit/techniques/naming.py.

import { randomNumbers } from "./ascent.js";

const FEWEST = 3; // of either kind
const WAYS = 10_000; // to deal out yes and no that are looked at, at most

// answers, says: numbers and true or false, one for each picture; some of either.
export function nameScore(answers, says) {
  const ranks = ranked(answers);
  const yes = says.filter(Boolean).length;
  const no = says.length - yes;
  const sum = ranks.reduce((all, rank, i) => all + (says[i] ? rank : 0), 0);
  const ways = rankSums(ranks, yes);
  const mean = (kind, count) => answers.reduce((all, answer, i) => all + (says[i] === kind ? answer : 0), 0) / count;
  return {
    ...{ yes, no, few: Math.min(yes, no) < FEWEST },
    auc: (sum - (yes * (yes + 1)) / 2) / (yes * no),
    mean_yes: mean(true, yes),
    mean_no: mean(false, no),
    p_value: ways.filter((one) => one >= sum).length / ways.length,
  };
}

export function inWords({ auc, yes, no, mean_yes, mean_no, p_value, few }) {
  const said =
    `${whole(100 * auc)}% of all pairs are ordered right; chance gives 50%. The mean answer is ` +
    `${short(mean_yes)} to the ${yes} with it, ${short(mean_no)} to the ${no} without. Yes and no dealt out at random ` +
    `do as well in ${p_value < 0.001 ? "less than 0.1%" : `${(100 * p_value).toFixed(1)}%`} of cases.`;
  return few ? `${said} That is too few pictures to tell: it takes ${FEWEST} of each at least.` : said;
}

// As Python rounds: what lies in the middle goes to the even one.
function whole(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

const short = (value) => String(Number(value.toPrecision(4)));

// Ranks from 1, the smallest first; equal answers share the mean of theirs.
function ranked(answers) {
  return answers.map((answer) => {
    const [below, same] = [answers.filter((one) => one < answer), answers.filter((one) => one === answer)];
    return below.length + (same.length + 1) / 2;
  });
}

// The sums of `count` of the ranks: of all choices, or of 10,000, the first of them the largest.
function rankSums(ranks, count) {
  if (choices(ranks.length, count) <= WAYS) return sums(ranks, count);
  const random = randomNumbers(0);
  const sorted = [...ranks].sort((a, b) => b - a);
  return Array.from({ length: WAYS }, (_, way) => {
    const dealt = way ? shuffled(ranks, random) : sorted;
    return dealt.slice(0, count).reduce((a, b) => a + b);
  });
}

function sums(ranks, count, from = 0) {
  if (count === 0) return [0];
  const found = [];
  for (let i = from; i <= ranks.length - count; i++)
    for (const rest of sums(ranks, count - 1, i + 1)) found.push(ranks[i] + rest);
  return found;
}

function choices(n, k) {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}

function shuffled(values, random) {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [all[i], all[other]] = [all[other], all[i]];
  }
  return all;
}
