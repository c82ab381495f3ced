/** The model's facts: fetched once, however long the server takes to be there, and written on the page. */
import { fetchModel } from "./api.js";
import { wait_ms } from "./timing.js";
import { Bars } from "./bars.js";
import { byId, showState } from "./page.js";
import { pageColour } from "./palette.js";

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string[]} emotions  In the order of everything.
 * @property {Record<string, {accuracy: number}>} accuracy  Per split; empty for a model that was not evaluated.
 * @property {number} uncertain_below
 * @property {string} head
 * @property {string} detector
 * @property {{max_body_bytes: number, max_files: number, max_faces: number}} limits
 * @property {boolean} token_required
 * @property {string} version
 */

/** What each head of a model was taught. @type {Record<string, string>} */
const QUESTIONS = { votes: "what people see", labels: "what FER-2013’s label says" };

/** For the empty page: how belief is divided, most of it on one. */
const EXAMPLE = [0.02, 0.01, 0.03, 0.81, 0.02, 0.04, 0.07];

/**
 * @param {() => void} onFailure  Called at each failed attempt.
 * @returns {Promise<Model>}
 */
export async function waitForModel(onFailure) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetchModel();
    } catch {
      onFailure();
      showState("lost", "The server does not answer, trying again");
      await new Promise((resolve) => setTimeout(resolve, wait_ms(attempt)));
    }
  }
}

/** Write the facts where the page has a place for them. @param {Model} model */
export function describeModel(model) {
  const accuracy = accuracyOf(model);
  const known = `The model “${model.name}” agrees with the labels on ${accuracy} of FER-2013’s test faces; people agree on about 65 %.`;
  byId("model-note").textContent = accuracy ? `right about ${inTen(model)} times in 10 on a hard test` : `model ${model.name}`;
  byId("model-facts").textContent = accuracy ? known : "It says nothing of how often it is right.";
  byId("accuracy-sentence").textContent = `${accuracy ? known : ""} Detector of faces: ${model.detector}.`;
  listFacts({
    Model: model.name,
    Question: QUESTIONS[model.head] ?? model.head,
    Detector: model.detector,
    "Faces at most": String(model.limits.max_faces),
    "Version of mien": model.version,
  });
  byId("uncertain-sentence").textContent = `Below ${Math.round(100 * model.uncertain_below)} %`;
  listExpressions(model.emotions);
  new Bars(byId("example-bars"), model.emotions).show(model.emotions.map((_, index) => EXAMPLE[index] ?? 0));
}

/** @param {Model} model */
function inTen({ accuracy }) {
  return Math.round(10 * accuracy.test.accuracy);
}

/** @param {Record<string, string>} facts */
function listFacts(facts) {
  const pairs = Object.entries(facts).flatMap(([name, value]) => {
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    meaning.textContent = value;
    return [term, meaning];
  });
  byId("facts").replaceChildren(...pairs);
}

/** @param {Model} model */
function accuracyOf({ accuracy }) {
  return accuracy.test ? `${(100 * accuracy.test.accuracy).toFixed(1)} %` : "";
}

/** @param {string[]} emotions */
function listExpressions(emotions) {
  const items = emotions.map((name, index) => {
    const item = document.createElement("li");
    item.textContent = name;
    item.style.setProperty("--colour", pageColour(index));
    return item;
  });
  byId("legend").replaceChildren(...items);
}
