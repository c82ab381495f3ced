/**
 * The last minute of each face, or a clip from end to end, in steps short enough to look smooth and few enough to draw
 * often. Its size does not grow with the session. Knows nothing of drawing.
 *
 * @typedef {{time_seconds: number, seconds?: number, probabilities: number[]}} Step  The mean over a step, and its length.
 * @typedef {{number: number, steps: Step[]}} Lane
 */

export const SPAN_SECONDS = 60;
export const STEP_SECONDS = 0.25;

/** Steps without a face after which it has left. */
const LEFT_SLOTS = 4;

/** Steps below which a face that has left is not worth a band: a passer-by, or a detector's mistake. */
const FEWEST_STEPS = 4;

/** Steps of a long clip, at most. */
const MOST_STEPS = 600;

export class Timeline {
  /** In the order of their slots. @type {Map<number, {slot: number, count: number, sums: number[]}[]>} */
  #tracks = new Map();
  #step_seconds = STEP_SECONDS;
  #forgets = true;

  /** Begin anew. @param {number | null} clip_seconds  The length of a clip, which is kept whole; null keeps a minute. */
  begin(clip_seconds) {
    this.#tracks.clear();
    this.#forgets = clip_seconds === null;
    this.#step_seconds = Math.max(STEP_SECONDS, (clip_seconds ?? 0) / MOST_STEPS);
  }

  /**
   * @param {number} time_seconds
   * @param {import("./answer.js").FaceAnswer[]} faces
   */
  add(time_seconds, faces) {
    const slot = Math.floor(time_seconds / this.#step_seconds);
    for (const face of faces) this.#addOne(slot, face);
    if (this.#forgets) this.#forget(slot);
  }

  /**
   * Those who are there now, then those who were there longest; in the order of their numbers.
   *
   * @param {number} most
   * @returns {{lanes: Lane[], hidden: number}}  And how many more there were.
   */
  lanes(most) {
    const now = Math.max(0, ...[...this.#tracks.values()].map((slots) => slots[slots.length - 1].slot));
    const isThere = (/** @type {{slot: number}[]} */ slots) => Number(slots[slots.length - 1].slot >= now - LEFT_SLOTS);
    const all = [...this.#tracks]
      .filter(([, slots]) => isThere(slots) || slots.length >= FEWEST_STEPS)
      .sort(([, a], [, b]) => isThere(b) - isThere(a) || b.length - a.length);
    const lanes = all.slice(0, most).map(([number, slots]) => ({
      number,
      steps: slots.map(({ slot, count, sums }) => ({
        time_seconds: slot * this.#step_seconds,
        seconds: this.#step_seconds,
        probabilities: sums.map((sum) => sum / count),
      })),
    }));
    return { lanes: lanes.sort((a, b) => a.number - b.number), hidden: Math.max(0, all.length - most) };
  }

  clear() {
    this.#tracks.clear();
  }

  /**
   * @param {number} slot
   * @param {import("./answer.js").FaceAnswer} face
   */
  #addOne(slot, face) {
    const slots = this.#tracks.get(face.number) ?? [];
    this.#tracks.set(face.number, slots);
    // Mostly the last one; a clip may be seen again from an earlier place.
    let after = slots.length;
    while (after > 0 && slots[after - 1].slot > slot) after -= 1;
    const same = slots[after - 1];
    if (same?.slot === slot) {
      same.count += 1;
      face.probabilities.forEach((value, index) => (same.sums[index] += value));
    } else {
      slots.splice(after, 0, { slot, count: 1, sums: [...face.probabilities] });
    }
  }

  /** @param {number} slot */
  #forget(slot) {
    const oldest = slot - SPAN_SECONDS / STEP_SECONDS;
    for (const [number, slots] of this.#tracks) {
      while (slots.length && slots[0].slot < oldest) slots.shift();
      if (!slots.length) this.#tracks.delete(number);
    }
  }
}

/** In seconds. @param {Step | undefined} step */
export function lengthOf(step) {
  return step?.seconds ?? STEP_SECONDS;
}

/**
 * Stretches without a gap in them.
 *
 * @param {Step[]} steps
 * @returns {Step[][]}
 */
export function stretches(steps) {
  const longest_gap_seconds = 4 * lengthOf(steps[0]);
  /** @type {Step[][]} */
  const found = [];
  for (const step of steps) {
    const current = found.at(-1);
    if (current && step.time_seconds - /** @type {Step} */ (current.at(-1)).time_seconds <= longest_gap_seconds) {
      current.push(step);
    } else {
      found.push([step]);
    }
  }
  return found;
}

/**
 * Stretches during which one expression was the most probable.
 *
 * @param {Step[]} steps  Without gaps.
 * @returns {{index: number, from_seconds: number, to_seconds: number, steps: Step[]}[]}
 */
export function runs(steps) {
  /** @type {{index: number, from_seconds: number, to_seconds: number, steps: Step[]}[]} */
  const found = [];
  for (const step of steps) {
    const index = step.probabilities.indexOf(Math.max(...step.probabilities));
    const end_seconds = step.time_seconds + lengthOf(step);
    const current = found.at(-1);
    if (current?.index === index) {
      current.steps.push(step);
      current.to_seconds = end_seconds;
    } else {
      found.push({ index, from_seconds: step.time_seconds, to_seconds: end_seconds, steps: [step] });
    }
  }
  return found;
}

/**
 * Which expression a face showed most over its steps.
 *
 * @param {Step[]} steps
 */
export function mostShown(steps) {
  const counts = new Map();
  for (const run of runs(steps)) counts.set(run.index, (counts.get(run.index) ?? 0) + run.steps.length);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? -1;
}
