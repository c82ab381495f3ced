"""The page's pure modules, in the browser they are for."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from .conftest import PATIENCE_MS


@pytest.fixture(scope="module")
def run(browser: Any, site: Any) -> Any:
    """Runs a function body with modules of the page at hand: `const { x } = await load("geometry")`."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(site.url)
    load = "const load = (name) => import(new URL(`static/scripts/${name}.js`, document.baseURI).href);"

    def evaluate(body: str, argument: Any = None) -> Any:
        return page.evaluate(f"async (given) => {{ {load} {body} }}", argument)

    yield evaluate
    context.close()


FACE = """const face = (number, probabilities, more = {}) => ({ number, probabilities, index: 0, emotion: "happy",
    confidence: 0.5, uncertain: false, quality: [], box: { x: 1, y: 2, width: 3, height: 4 }, ...more });"""


def test_a_picture_is_fitted_and_boxes_follow_it(run: Any) -> None:
    said = run("""
        const { fitInside, boxInView } = await load("geometry");
        const placement = fitInside({ width: 100, height: 50 }, { width: 400, height: 400 });
        const box = { x: 10, y: 5, width: 20, height: 10 };
        return [placement, boxInView(box, placement), boxInView(box, placement, { mirrored: true })];
    """)
    assert said[0] == {"x": 0, "y": 100, "width": 400, "height": 200, "scale": 4}
    assert said[1] == {"x": 40, "y": 120, "width": 80, "height": 40}
    assert said[2] == {"x": 280, "y": 120, "width": 80, "height": 40}


def test_pictures_are_made_smaller_and_never_larger(run: Any) -> None:
    said = run("""
        const { shrinkTo } = await load("geometry");
        return [[1280, 720], [480, 640], [10, 5000]].map(([width, height]) => shrinkTo({ width, height }, 640));
    """)
    assert [tuple(size.values()) for size in said] == [(640, 360), (480, 640), (1, 640)]


def test_labels_stay_in_the_view_and_off_each_other(run: Any) -> None:
    said = run("""
        const { placeLabel, meet } = await load("geometry");
        const view = { width: 300, height: 200 };
        const label = { width: 90, height: 20 };
        const taken = [];
        for (const box of [{ x: 0, y: 0, width: 40, height: 40 }, { x: 30, y: 10, width: 40, height: 40 },
                           { x: 280, y: 180, width: 40, height: 40 }]) taken.push(placeLabel(label, box, view, taken));
        const everywhere = [{ x: 0, y: 0, ...view }];
        const overlaps = taken.some((a, k) => taken.some((b, j) => j < k && meet(a, b)));
        return [taken, overlaps, placeLabel(label, { x: 0, y: 0, width: 9, height: 9 }, view, everywhere)];
    """)
    places, overlaps, nowhere = said
    assert all(0 <= p["x"] <= 210 and 0 <= p["y"] <= 180 for p in places)
    assert not overlaps
    assert nowhere is None


def test_the_rate_counts_the_last_three_seconds(run: Any) -> None:
    said = run("""
        const { Rate } = await load("timing");
        const rate = new Rate();
        const empty = [rate.perSecond(0), rate.latency_ms()];
        for (let k = 0; k <= 100; k++) rate.add(k * 50, k < 50 ? 500 : 40);
        return [empty, rate.perSecond(5000), rate.latency_ms(), rate.perSecond(5500), rate.perSecond(20000)];
    """)
    assert said[0] == [0, None]
    assert said[1] == pytest.approx(20)
    assert said[2] == 40
    assert said[3] < 20, "a stall shows"
    assert said[4] == 0


def test_the_timeline_keeps_a_minute_and_averages_within_a_step(run: Any) -> None:
    said = run(f"""{FACE}
        const {{ Timeline }} = await load("timeline");
        const timeline = new Timeline();
        timeline.add(0.05, [face(1, [1, 0])]);
        timeline.add(0.10, [face(1, [0, 1]), face(2, [1, 0])]);
        const early = timeline.lanes(6);
        for (let second = 1; second < 100; second++) timeline.add(second, [face(1, [0.25, 0.75])]);
        return [early, timeline.lanes(6)];
    """)
    early, late = said
    assert [lane["number"] for lane in early["lanes"]] == [1, 2]
    assert early["lanes"][0]["steps"] == [{"time_seconds": 0, "seconds": 0.25, "probabilities": [0.5, 0.5]}]
    assert [lane["number"] for lane in late["lanes"]] == [1], "the second left more than a minute ago"
    times = [step["time_seconds"] for step in late["lanes"][0]["steps"]]
    assert times[0] == 39
    assert times[-1] == 99


def test_those_who_are_there_now_come_before_those_who_left(run: Any) -> None:
    said = run(f"""{FACE}
        const {{ Timeline }} = await load("timeline");
        const timeline = new Timeline();
        for (let k = 0; k < 20; k++) timeline.add(k, [face(1, [1, 0]), face(2, [1, 0])]);
        for (let k = 20; k < 24; k++) timeline.add(k, [face(3, [1, 0])]);
        return timeline.lanes(2);
    """)
    assert [lane["number"] for lane in said["lanes"]] == [1, 3]
    assert said["hidden"] == 1


def test_runs_are_stretches_of_one_expression(run: Any) -> None:
    said = run("""
        const { runs, stretches, mostShown } = await load("timeline");
        const step = (time_seconds, ...probabilities) => ({ time_seconds, probabilities });
        const steps = [step(0, 0.9, 0.1), step(0.25, 0.8, 0.2), step(0.5, 0.3, 0.7), step(9, 0.6, 0.4)];
        return [stretches(steps).map((part) => part.length), runs(steps.slice(0, 3)), mostShown(steps)];
    """)
    assert said[0] == [3, 1]
    assert [(one["index"], one["from_seconds"], one["to_seconds"]) for one in said[1]] == [(0, 0, 0.5), (1, 0.5, 0.75)]
    assert said[2] == 0


def test_the_table_forgets_the_oldest_rows_when_it_is_full(run: Any) -> None:
    said = run(f"""{FACE}
        const {{ Record }} = await load("record");
        const record = new Record(100);
        for (let k = 0; k < 250; k++) record.add([face(k, [1, 0])], {{ source: "camera", at_ms: k }});
        return [record.rows.length, record.lost, record.rows.at(-1).face.number];
    """)
    assert said[0] <= 110
    assert said[0] + said[1] == 250
    assert said[2] == 249


def test_names_of_files_cannot_break_the_table_or_act_in_a_spreadsheet(run: Any) -> None:
    names = ['=HYPERLINK("http://x","y").png', 'a "b", c.jpg', "line\nbreak.jpg", "plain.jpg"]
    said = run(
        f"""{FACE}
        const {{ toCsv, toJson }} = await load("table-files");
        const common = {{ at_ms: 1000, media_seconds: null, face: face(1, [0.25, 0.75]) }};
        const rows = given.map((source) => ({{ source, ...common }}));
        const about = {{ emotions: ["a", "b"], facts: {{ model: "m" }} }};
        return [toCsv(rows, ["a", "b"]), toJson(rows, about)];
    """,
        names,
    )
    rows = list(csv.DictReader(said[0].splitlines(keepends=True)))
    assert [row["source"] for row in rows] == ["'" + names[0], *names[1:]]
    assert [(row["a"], row["b"], row["x"], row["media_seconds"]) for row in rows] == [
        ("0.2500", "0.7500", "1.0", "")
    ] * 4
    told = json.loads(said[1])
    assert [row["source"] for row in told["rows"]] == names
    assert told["model"] == "m"


def test_waiting_grows_and_has_an_end(run: Any) -> None:
    said = run("""
        const { wait_ms } = await load("timing");
        return [0, 1, 2, 3, 4, 9, 50].map((attempt) => wait_ms(attempt, () => 0.5));
    """)
    assert said == [500, 1000, 2000, 4000, 8000, 8000, 8000]


def test_what_is_told_to_listeners_is_seldom_and_settled(run: Any) -> None:
    said = run(f"""{FACE}
        const {{ Announcer }} = await load("announcer");
        const announcer = new Announcer();
        const place = document.getElementById("announcer");
        const heard = [];
        for (let ms = 0; ms < 20000; ms += 50) {{
            const flicker = ms < 5000 && ms % 100 === 0;
            announcer.live([face(1, [1, 0], {{ emotion: ms > 12000 ? "sad" : flicker ? "fear" : "happy" }})], ms);
            if (place.textContent !== heard.at(-1)) heard.push(place.textContent);
        }}
        place.textContent = "";
        return heard;
    """)
    assert [text for text in said if text] == ["1 face: happy.", "1 face: sad."]


SOCKET = """
    const made = [];
    class Socket extends EventTarget {
        sent = []; bufferedAmount = 0;
        constructor() { super(); made.push(this); }
        send(data) { this.sent.push(data); }
        close() {}
        say(told) { this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(told) })); }
        end(code) { this.dispatchEvent(new CloseEvent("close", { code })); }
    }
    const real = window.WebSocket;
    window.WebSocket = Socket;
    const { Stream } = await load("stream");
    const seen = { states: [], answers: [] };
    const stream = new Stream({ address: () => new URL("ws://x/"), protocols: () => [], onHello: () => {},
        onState: (state) => seen.states.push(state),
        onAnswer: (answer, sent) => seen.answers.push([answer.sequence, sent.frame]) });
    const frame = (name) => stream.ready && (stream.send(new Blob(), name, 0), true);
    stream.open();
"""


def test_a_stream_never_has_more_than_two_frames_under_way(run: Any) -> None:
    said = run(f"""{SOCKET}
        const early = frame("early");
        made[0].say({{ hello: {{}} }});
        const first = ["a", "b", "c"].map(frame);
        made[0].say({{ sequence: 0 }});
        const second = ["d", "e"].map(frame);
        made[0].say({{ sequence: 2 }});  // the server passed over frame 1
        const third = ["f", "g", "h"].map(frame);
        made[0].bufferedAmount = 1;
        made[0].say({{ sequence: 4 }});
        const clogged = frame("i");
        stream.close();
        window.WebSocket = real;
        return [early, first, second, third, clogged, seen.answers];
    """)
    early, first, second, third, clogged, answers = said
    assert not early
    assert first == [True, True, False]
    assert second == [True, False]
    assert third == [True, True, False]
    assert not clogged, "what the network has not taken yet counts"
    assert answers == [[0, "a"], [2, "d"], [4, "g"]]


def test_a_stream_comes_back_counts_anew_and_keeps_its_settings(run: Any) -> None:
    said = run(f"""{SOCKET}
        stream.configure({{ smoothing_s: 1 }});
        made[0].say({{ hello: {{}} }});
        frame("a");
        made[0].end(1006);
        const afterLoss = stream.state;
        stream.open();  // as when the network is back
        made[0].say({{ sequence: 0 }});  // from a connection that is gone
        made[1].say({{ hello: {{}} }});
        frame("b");
        made[1].say({{ sequence: 0 }});
        stream.close();
        made[1].end(1006);
        window.WebSocket = real;
        return [afterLoss, made.length, made[1].sent[0], seen.answers, seen.states];
    """)
    assert said[0] == "lost"
    assert said[1] == 2, "a stream that was closed stays closed"
    assert json.loads(said[2]) == {"smoothing_s": 1}
    assert said[3] == [[0, "b"]]
    assert said[4] == ["connecting", "open", "lost", "connecting", "open", "closed"]


def test_a_stream_that_is_refused_does_not_try_again(run: Any) -> None:
    said = run(f"""{SOCKET}
        made[0].end(1008);
        window.WebSocket = real;
        return [stream.state, made.length];
    """)
    assert said == ["refused", 1]


LIVE = """
    const { Live } = await load("live");
    const video = Object.assign(document.createElement("canvas"), { width: 8, height: 8, videoWidth: 8, videoHeight: 8,
        readyState: 4, seeking: false, requestVideoFrameCallback: (next) => { video.next = next; } });
    video.getContext("2d");
    const show = (mediaTime) => video.next(0, { mediaTime });
    const seek = () => { video.seeking = true; video.readyState = 1; video.dispatchEvent(new Event("seeking")); };
    const arrive = () => { video.seeking = false; video.readyState = 4; video.dispatchEvent(new Event("seeked")); };
    const sent = [];
    const stream = { ready: true, state: "open", send: (_, frame) => sent.push(frame.media_seconds) };
    const encoder = { encode: async () => new Blob() };
    const live = new Live(video, stream, encoder);
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const settle = async (count) => {  // until so many are sent, and a little longer
        for (let k = 0; k < 9000 && sent.length < count; k++) await pause(10);
        await pause(50);
    };
    live.start();
"""


def test_a_frame_that_a_seek_leads_to_is_sent_whether_shown_before_or_after_its_end(run: Any) -> None:
    said = run(f"""{LIVE}
        seek();
        show(0.8);  // browsers often show it before they let it be read
        await settle(0);
        const early = [...sent];
        arrive();
        await settle(1);
        seek();
        arrive();
        show(1.5);
        await settle(2);
        return [early, sent];
    """)
    assert said == [[], [0.8, 1.5]]


def test_a_frame_that_waits_is_not_sent_for_what_a_seek_leads_to(run: Any) -> None:
    said = run(f"""{LIVE}
        stream.ready = false;
        show(0.2);
        seek();
        stream.ready = true;
        arrive();
        await live.take();
        const early = [...sent];
        show(0.8);
        await settle(1);
        return [early, sent];
    """)
    assert said == [[], [0.8]]


def test_a_frame_that_comes_while_another_is_encoded_is_sent_after_it(run: Any) -> None:
    said = run(f"""{LIVE}
        show(0.1);
        show(0.2);
        show(0.3);
        await settle(2);
        live.stop();
        show(0.4);
        await settle(2);
        return sent;
    """)
    assert said == [0.1, 0.3]


def test_a_clip_is_kept_whole_whatever_order_its_places_come_in(run: Any) -> None:
    said = run(f"""
        {FACE}
        const {{ Timeline }} = await load("timeline");
        const timeline = new Timeline();
        timeline.begin(900);
        for (const seconds of [800, 5, 400, 5.1, 899]) timeline.add(seconds, [face(1, [1, 0])]);
        return timeline.lanes(6).lanes[0].steps.map((step) => [step.time_seconds, step.seconds]);
    """)
    assert said == [[4.5, 1.5], [400 - 400 % 1.5, 1.5], [800 - 800 % 1.5, 1.5], [898.5, 1.5]]


def test_a_summary_counts_what_is_sure_before_what_is_not(run: Any) -> None:
    said = run("""
        const { summary } = await load("answer");
        const shown = [["sad", true], ["neutral", false], ["happy", false], ["happy", false], ["happy", true]];
        return summary(shown.map(([emotion, uncertain]) => ({ emotion, uncertain })));
    """)
    assert said == "2 happy, 1 neutral, 1 sad?, 1 happy?"
