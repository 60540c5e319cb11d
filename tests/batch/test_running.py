"""Whole batches, on threads, against the simulator."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.background import PATIENCE
from support.batches import FAST, server, texts, told

from inworld_rt import batch
from inworld_rt.audio import wav
from inworld_rt.batch import Limits, attempt, plan
from inworld_rt.batch.attempt import Failed, Settings, Task
from inworld_rt.batch.store import RESULTS
from inworld_rt.errors import (
    AuthError,
    ConfigError,
    ConnectError,
    ResponseFailed,
    ServerError,
)
from inworld_rt.simulator.ears import ScriptedEars
from inworld_rt.simulator.scenes import Cue, Scene, Send

QUESTION = Path(attempt.__file__).parents[1] / "cli" / "question.wav"


@pytest.fixture(scope="module")
def place():
    """Where a simulator is, as arguments."""
    with server(ears=ScriptedEars(["what time is it"] * 100)) as simulator:
        yield {"url": simulator.url, "credentials": simulator.api_key, "limits": FAST}


def test_texts_become_sound_words_and_results(place, tmp_path):
    summary = batch.run(texts(9), tmp_path / "out", workers=3, **place)
    assert summary.ok and summary.skipped == 0 and summary.failed == []
    assert [result.id for result in summary.results] == [f"r{number}" for number in range(9)]
    assert len(os.listdir(tmp_path / "out")) == 9 * 2 + 1
    sound = wav.read(tmp_path / "out" / "r7.wav")
    assert (tmp_path / "out" / "r7.txt").read_text() == "Line number 7\n"
    result = summary.results[7]
    assert result.text == "Line number 7" and result.words == 3 and result.heard is None
    assert result.seconds == round(sound.seconds, 3) > 0.2 and sound.rate == 24000
    assert result.attempts == 1 and result.latency["total"] > 0
    assert summary.seconds == sum(one.seconds for one in summary.results)
    assert summary.usage.total_tokens == sum(r.usage["total_tokens"] for r in summary.results)
    assert str(summary).startswith("9 done, 0 done before, 0 failed; ")
    lines = (tmp_path / "out" / RESULTS).read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [one.id for one in summary.results]


def test_wav_files_are_answered_and_what_was_heard_is_told(place, tmp_path):
    shutil.copy(QUESTION, tmp_path / "question.wav")
    (tmp_path / "in.csv").write_text("wav,id\nquestion.wav,q\n")
    (result,) = batch.run(tmp_path / "in.csv", tmp_path / "out", **place).results
    assert result.ok and result.heard == result.text == "what time is it"


def test_a_pause_in_a_recording_is_no_end_of_it(place, tmp_path):
    sound = wav.read(QUESTION)
    wav.write(tmp_path / "long.wav", sound.pcm + bytes(sound.rate * 2 * 3) + sound.pcm, sound.rate)
    rows = [{"wav": str(tmp_path / "long.wav")}]
    (result,) = batch.run(rows, tmp_path / "out", **place).results
    assert result.ok and result.heard == "what time is it"


def test_no_row_knows_of_another(place, tmp_path):
    rows = [{"text": "how many questions"}] * 4
    summary = batch.run(rows, tmp_path, workers=1, **place)
    assert [result.text for result in summary.results] == ["1."] * 4


def test_a_row_has_its_own_voice_and_instructions(place, tmp_path):
    rows = [{"text": "a"}, {"text": "b", "instructions": "Whisper: ", "voice": "Clive"}]
    summary = batch.run(rows, tmp_path, instructions="Sing: ", voice="Sarah", **place)
    assert [result.text for result in summary.results] == ["Sing: a", "Whisper: b"]


def test_words_alone_have_no_sound(place, tmp_path):
    config = {"output_modalities": ["text"]}
    (result,) = batch.run([{"id": "a", "text": "Hello"}], tmp_path, config=config, **place).results
    assert result.ok and result.seconds == 0 and set(result.files) == {"a.txt"}


def test_a_row_that_fails_stops_no_other_and_is_tried_again_the_next_time(place, tmp_path):
    (tmp_path / "text.wav").write_text("This is no sound.")
    rows = [
        {"id": "fine", "text": "Hello"},
        {"id": "empty", "text": " "},
        {"id": "nothing"},
        {"id": "number", "text": 5},
        {"id": "both", "text": "a", "wav": "b.wav"},
        {"id": "missing", "wav": str(tmp_path / "none.wav")},
        {"id": "no-wav", "wav": str(tmp_path / "text.wav")},
        {"id": "nobody", "text": "Hello", "voice": "Nobody"},
        {"id": "always", "text": "This is bad"},
    ]
    summary = batch.run(rows, tmp_path / "out", retries=1, **place)
    assert not summary.ok
    assert [(r.id, r.attempts, r.error["type"]) for r in summary.failed] == [
        ("empty", 1, "ConfigError"),
        ("nothing", 1, "ConfigError"),
        ("number", 1, "ConfigError"),
        ("both", 1, "ConfigError"),
        ("missing", 1, "FileNotFoundError"),
        ("no-wav", 1, "AudioError"),
        ("nobody", 1, "ServerError"),
        ("always", 2, "ResponseFailed"),
    ]
    words = {result.id: result.error["message"] for result in summary.failed}
    assert words["missing"] == f"{tmp_path / 'none.wav'}: No such file or directory"
    assert words["no-wav"].startswith(f"{tmp_path / 'text.wav'} has no WAV header")
    assert set(os.listdir(tmp_path / "out")) == {"fine.wav", "fine.txt", RESULTS}
    rows[1]["text"] = "Not empty"
    summary = batch.run(rows, tmp_path / "out", retries=0, **place)
    assert summary.skipped == 1 and len(summary.failed) == 7 and summary.results[1].ok


def test_what_may_pass_is_tried_again(tmp_path):
    """The connection breaks in the midst of the first answer."""
    with server(scenes=["hang_up_mid_answer", None, None]) as simulator:
        place = {"url": simulator.url, "credentials": simulator.api_key}
        (result,) = batch.run([{"text": "a b c d e f g h"}], tmp_path, **place).results
    assert result.ok and result.attempts == 2 and result.text == "a b c d e f g h"


def test_rows_that_are_done_are_skipped_until_they_change(place, tmp_path):
    rows, out = texts(5), tmp_path / "out"
    batch.run(rows, out, **place)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert batch.run(rows, out, **place).skipped == 5
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    rows[2]["text"] = "Another text"
    summary = batch.run(rows, out, **place)
    assert summary.skipped == 4 and (out / "r2.txt").read_text() == "Another text\n"
    assert batch.run(rows, out, voice="Clive", **place).skipped == 0
    (out / "r1.wav").unlink()
    assert batch.run(rows, out, voice="Clive", **place).skipped == 4


def test_a_simulators_answers_are_not_taken_for_those_of_the_service(place, tmp_path):
    batch.run(texts(1), tmp_path, **place)
    # Another host; that nothing listens there is found out because the row is asked again.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    elsewhere = {**place, "url": f"ws://localhost:{port}"}
    with pytest.raises(ConnectError):
        batch.run(texts(1), tmp_path, retries=0, **elsewhere)


@pytest.mark.parametrize("out", ["here", "link", "here/../here"])
def test_no_answer_is_written_over_what_was_asked(place, tmp_path, out):
    here = tmp_path / "here"
    here.mkdir()
    if out == "link":
        try:
            (tmp_path / out).symlink_to(here)
        except OSError:  # Windows asks for privileges
            pytest.skip("this system makes no links")
    shutil.copy(QUESTION, here / "a.wav")
    (here / "in.txt").write_text("id,text\nin,Hello\n")
    (here / RESULTS).write_text('{"id": "x", "text": "Hello"}\n')
    before = {path: path.read_bytes() for path in here.iterdir()}
    for rows in ([{"id": "a", "wav": str(here / "a.wav")}], here / "in.txt", here / RESULTS):
        with pytest.raises(ConfigError, match="would be written over; choose another folder"):
            batch.run(rows, tmp_path / out, **place)
    assert {path: path.read_bytes() for path in here.iterdir()} == before
    (result,) = batch.run([{"id": "b", "wav": str(here / "a.wav")}], tmp_path, **place).results
    assert result.ok


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"workers": 0}, "workers: expected a whole number from 1"),
        ({"workers": 21}, "limit is taken to be 20"),
        ({"retries": -1}, "retries: expected"),
        ({"timeout": 0}, "timeout: expected"),
        ({"config": {"speed": 9}}, "speed"),
        ({"voice": 5}, "voice"),
        ({"url": "ftp://x"}, "url must start with wss"),
        ({"credentials": "no key"}, "the credentials argument"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "a key is not sent to a cluster"),
        ({"scheduler": "127.0.0.1", "credentials": None}, "looks like tcp://"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_asked(arguments, words, tmp_path):
    if "scheduler" in arguments:
        pytest.importorskip("distributed")
    place = {"url": "ws://127.0.0.1:9", "credentials": "ZGVtbzpkZW1v"}
    with pytest.raises(ConfigError, match=words):
        batch.run(texts(1), tmp_path / "out", **(place | arguments))


def test_without_a_key_nothing_is_asked(tmp_path):
    with pytest.raises(ConfigError, match="INWORLD_API_KEY"):
        batch.run(texts(1), tmp_path, url="ws://127.0.0.1:9")


# --- what stops all of it ------------------------------------------------------------------------


def test_a_refused_key_stops_everything_at_once(tmp_path):
    seen = []
    with (
        server(api_key="cmlnaHQ6a2V5LW9uZQ==") as simulator,
        pytest.raises(AuthError, match="the credentials argument"),
    ):
        place = {"url": simulator.url, "credentials": "d3Jvbmc6a2V5LXR3bw=="}
        batch.run(texts(50), tmp_path, on_progress=seen.append, **place)
    assert not any(progress.failed for progress in seen)
    assert os.listdir(tmp_path) == [RESULTS]


def test_settings_that_are_refused_stop_everything_at_once(place, tmp_path):
    with pytest.raises(ServerError, match="voice"):
        batch.run(texts(50), tmp_path, voice="Nobody", **place)


def test_a_service_that_is_not_there_is_told_when_it_was_tried_often_enough(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match="nothing listens there"):
        batch.run(
            texts(50),
            tmp_path,
            url=f"ws://127.0.0.1:{port}",
            credentials="ZGVtbzpkZW1v",
            retries=0,
        )


def test_too_many_requests_are_no_rows_failure(tmp_path):
    with (
        server(quirks={"handshake_status": 429}) as simulator,
        pytest.raises(ConnectError, match="429"),
    ):
        place = {"url": simulator.url, "credentials": simulator.api_key}
        batch.run(texts(5), tmp_path, retries=0, **place)


def test_a_service_that_grants_nothing_is_not_asked_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_pause", lambda failures: 0.01 * failures)
    refusal = (
        '{"type":"error","event_id":"1","error":{"type":"rate_limit_error","code":null,'
        '"message":"The quota of today is used up.","param":null,"event_id":null}}'
    )
    scene = Scene((Cue(on="response.create", instead=True, do=(Send(refusal),)),))
    with (
        server(scenes=scene) as simulator,
        pytest.raises(ServerError, match="quota of today"),
    ):
        place = {"url": simulator.url, "credentials": simulator.api_key, "limits": FAST}
        batch.run(texts(5), tmp_path, retries=2, **place)
    assert os.listdir(tmp_path) == [RESULTS]


def test_when_the_service_comes_back_all_goes_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    simulator = server(port=port)
    troubles = []

    def watch(progress):
        if progress.trouble and not troubles:
            troubles.append(progress.trouble)
            simulator.start()

    try:
        summary = batch.run(
            texts(6),
            tmp_path,
            url=simulator.url,
            credentials=simulator.api_key,
            on_progress=watch,
        )
    finally:
        simulator.close()
    assert "nothing listens there" in troubles[0]
    assert summary.ok and {result.attempts for result in summary.results} == {1}


def test_a_mistake_of_a_callback_ends_it_and_what_is_done_is_kept(place, tmp_path):
    def watch(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(texts(20), tmp_path / "out", workers=4, on_progress=watch, **place)
    results, files = told(tmp_path / "out")
    assert len(results) == 3 and len(files) == 6
    assert batch.run(texts(20), tmp_path / "out", **place).skipped == 3
    batch.run(texts(20), tmp_path / "other", **place)
    assert told(tmp_path / "out") == told(tmp_path / "other")


_RUN = """
import os, sys
from inworld_rt import batch
def watch(progress):
    if progress.latest:
        print(progress.latest.id, flush=True)
batch.run(sys.argv[1], sys.argv[2], url=sys.argv[3], workers=4, on_progress=watch)
"""


@pytest.mark.slow
def test_a_killed_batch_goes_on_to_the_same_end(place, tmp_path):
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in texts(60)))
    table, out = tmp_path / "in.jsonl", tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, table, out, place["url"]],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"INWORLD_API_KEY": place["credentials"]},
        cwd=Path(__file__).parents[2],
    ) as process:
        done = [process.stdout.readline().strip() for _ in range(7)]
        process.kill()
        assert process.wait(PATIENCE) == (-signal.SIGKILL if sys.platform != "win32" else 1)
    assert set(done) <= {f"r{number}" for number in range(60)}
    summary = batch.run(table, out, **place)
    assert 7 <= summary.skipped < 60 and summary.ok
    batch.run(table, tmp_path / "other", **place)
    assert told(out) == told(tmp_path / "other")


# --- limits --------------------------------------------------------------------------------------


def test_no_more_sessions_are_open_than_there_are_workers(tmp_path):
    seen = []
    with server(pace=30) as simulator:
        batch.run(
            texts(12),
            tmp_path,
            workers=3,
            limits=FAST,
            url=simulator.url,
            credentials=simulator.api_key,
            on_progress=lambda progress: seen.append((progress.running, simulator.sessions)),
        )
    assert max(running for running, _ in seen) == 2  # besides the one that has just ended
    # One that we have closed may not have noticed yet.
    assert max(sessions for _, sessions in seen) <= 2 * 3


def test_requests_are_not_made_faster_than_they_may_be(place, tmp_path):
    limited = place | {"limits": Limits(requests_per_second=20)}
    summary = batch.run(texts(9), tmp_path, workers=9, **limited)
    assert summary.elapsed >= (9 - 2) / 19  # two at once, then 19 a second


# --- one attempt ---------------------------------------------------------------------------------


def test_another_version_elsewhere_is_told():
    outcome = attempt.attempt(Task("Hello"), Settings(version="0.0.1"))
    assert isinstance(outcome, Failed) and outcome.then == "stop"
    with pytest.raises(ConfigError, match=r"0\.0\.1 where the batch was started"):
        raise outcome.error()


def test_an_answer_that_was_cut_short_is_a_failure(place, tmp_path):
    """Asking again would end it at the same place."""
    config = {"max_output_tokens": 1}
    rows = [{"text": "one two three four"}]
    (result,) = batch.run(rows, tmp_path, config=config, **place).results
    assert not result.ok and result.attempts == 1
    assert result.error["message"] == "the answer is not complete: max_output_tokens"


@pytest.mark.parametrize(
    ("error", "begun", "then"),
    [
        (AuthError("x"), False, "stop"),
        (ConnectError("x"), False, "hold"),
        (attempt.ConnectionClosed("x"), False, "hold"),
        (attempt.ConnectionClosed("x"), True, "again"),
        (attempt.WaitTimeout("x"), True, "again"),
        (attempt.RemoteProtocolError("x"), True, "again"),
        (ResponseFailed("x", reason="server_error"), True, "again"),
        (ResponseFailed("x", reason="rate_limit_exceeded"), True, "hold"),
        (ResponseFailed("x", reason="content_filter"), True, "never"),
        (ServerError("x", type="server_error"), True, "again"),
        (ServerError("x", type="rate_limit_error"), True, "hold"),
        (ServerError("x", type="invalid_request_error"), True, "never"),
        (ServerError("x", type="invalid_request_error"), False, "stop"),
        (ConfigError("x"), True, "never"),
        (FileNotFoundError(2, "x"), False, "never"),
    ],
)
def test_what_follows_from_an_error(error, begun, then):
    assert attempt._what_then(error, Task("Hello"), begun) == then


def test_nothing_that_is_sent_elsewhere_shows_what_is_said():
    words = repr([Task("secret words", b"sound", {"voice": "Clive"}), Settings({"a": "secret"})])
    assert "secret" not in words and "sound" not in words
