/** The model's facts: fetched once, however long the server takes to be there, and written on the page. */
import { fetchModel } from "./api.js";
import { wait_ms } from "./backoff.js";
import { Bars } from "./bars.js";
import { byId } from "./page.js";
import { pageColour } from "./palette.js";
import { showState } from "./status.js";

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string[]} emotions  In the order of everything.
 * @property {Record<string, {accuracy: number}>} accuracy  Per split; empty for a model that was not evaluated.
 * @property {number} uncertain_below
 * @property {string} detector
 * @property {{max_body_bytes: number}} limits
 * @property {boolean} token_required
 * @property {string} version
 */

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
  byId("model-name").textContent = model.name;
  byId("model-note").textContent = accuracy ? `right on ${accuracy} of FER-2013’s test faces` : "";
  const agreement = accuracy
    ? `The model “${model.name}” agrees with those labels on ${accuracy} of FER-2013’s test faces; people agree on about 65 %. `
    : "";
  byId("accuracy-sentence").textContent = `${agreement}Detector of faces: ${model.detector}.`;
  byId("uncertain-sentence").textContent = `Below ${Math.round(100 * model.uncertain_below)} %`;
  listExpressions(model.emotions);
  new Bars(byId("example-bars"), model.emotions).show(model.emotions.map((_, index) => EXAMPLE[index] ?? 0));
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
