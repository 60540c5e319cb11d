"""Facts, summaries and what they are good for (protocol: memory)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.simulator.facts import facts_in, merged, name_in, to_the_user
from inworld_rt.simulator.replies import lesson
from tests.support.brains import Bench, one, types


def bench_with(replies=lesson, **memory):
    bench = Bench(replies)
    bench.configure(providerData={"memory": {"enabled": True, "turn_interval": 1, **memory}})
    return bench


def state_after(bench, text):
    """What the client is told after a turn that completes a cycle."""
    return one(bench.say(text), "session.updated").session.provider_data.memory.state


def said(got):
    return one(got, "response.done").response.output[0].text


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("My name is Anna.", ["The user's name is Anna."]),
        ("my name is anna", ["The user's name is Anna."]),
        ("Hello! My name is Anna and I like tea.", ["The user's name is Anna."]),
        (
            "I have two dogs, and I live in Oslo.",
            ["The user has two dogs.", "The user lives in Oslo."],
        ),
        ("My favourite colour is blue.", ["The user's favourite colour is blue."]),
        ("I am a teacher.", ["The user is a teacher."]),
        ("Is my name Anna?", []),
        ("What time is it", []),
        ("Nothing of the kind", []),
    ],
)
def test_facts_are_found(text, facts):
    assert facts_in(text)[: len(facts)] == facts
    assert bool(facts_in(text)) is bool(facts)


def test_a_later_fact_replaces_an_older_one_about_the_same():
    facts = ["The user's name is Ann.", "The user likes tea.", "The user's name is Anna."]
    assert merged([*facts, "The user likes tea."]) == [
        "The user's name is Anna.",
        "The user likes tea.",
    ]
    assert name_in(facts) == "Anna"
    assert name_in([]) is None


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("The user's name is Anna.", "Your name is Anna."),
        ("The user likes tea.", "You like tea."),
        ("The user has a dog.", "You have a dog."),
        ("The user is a teacher.", "You are a teacher."),
        ("The user said: hm", "You said: hm"),
        ("Tea is hot.", "Tea is hot."),
    ],
)
def test_facts_are_told_to_the_user(fact, told):
    assert to_the_user(fact) == told


@given(st.text(max_size=60))
def test_any_text_has_some_facts_or_none(text):
    assert all(fact.startswith("The user") for fact in merged(facts_in(text)))


def test_a_cycle_gives_the_whole_state():
    state = state_after(bench_with(), "My name is Anna.")
    assert state.facts == ["The user's name is Anna."]
    assert (state.version, state.total_turns, state.turns_since_gen) == (1, 1, 0)
    assert state.summary == "So far there were 1 turns. The user last said: My name is Anna."
    assert state.context_text == f"The user's name is Anna. {state.summary}"
    assert state.items_trimmed == 0


def test_a_seeded_state_goes_on():
    seed = {"version": 7, "facts": ["The user likes tea."], "total_turns": 40, "items_trimmed": 3}
    state = state_after(bench_with(state=seed), "My name is Anna.")
    assert state.facts == ["The user likes tea.", "The user's name is Anna."]
    assert (state.version, state.total_turns, state.items_trimmed) == (8, 41, 3)


def test_the_state_comes_back_in_the_answer_to_the_update():
    bench = Bench()
    seed = {"version": 7, "facts": ["The user likes tea."]}
    got = bench.configure(providerData={"memory": {"enabled": True, "state": seed}})
    assert got[0].session.provider_data.memory.state.version == 7


def test_the_bounds():
    bench = bench_with(max_facts=2, max_memory_length=10)
    state = state_after(bench, "My name is Anna. I like tea. I have a dog.")
    assert state.facts == ["The user likes tea.", "The user has a dog."]
    assert (len(state.summary), len(state.context_text)) == (10, 10)
    assert state_after(bench_with(max_facts=0), "My name is Anna.").facts == []


def test_what_is_remembered_stands_before_the_instructions():
    seen = []

    def replies(conversation):
        seen.append(conversation)
        yield "ok"

    seed = {"facts": ["The user likes tea."], "summary": "They talked about tea."}
    bench = bench_with(replies, state=seed)
    bench.configure(instructions="Be brief.")
    bench.say("hello")
    assert seen[0].instructions == "The user likes tea. They talked about tea.\n\nBe brief."
    assert (seen[0].facts, seen[0].summary) == (("The user likes tea.",), "They talked about tea.")
    bench.configure(providerData={"memory": {"enabled": False}})
    bench.say("hello")
    assert (seen[1].instructions, seen[1].facts) == ("Be brief.", ())


def test_a_seeded_fact_is_recalled():
    bench = bench_with(state={"facts": ["The user's name is Anna.", "The user likes tea."]})
    assert said(bench.say("What is my name?")) == "Your name is Anna."
    told = said(bench.say("What do you know about me?"))
    assert told == "Your name is Anna. You like tea."


def test_without_memory_it_knows_what_was_said_in_this_session():
    bench = Bench(lesson)
    assert said(bench.say("What is my name?")) == "You have not told me your name."
    assert said(bench.say("What do you know about me?")) == "I know nothing about you yet."
    bench.say("My name is Anna.")
    assert said(bench.say("What's my name?")) == "Your name is Anna."


def test_the_summary_is_recalled():
    bench = bench_with(state={"summary": "We spoke of whales."})
    assert said(bench.say("What did we talk about?")) == "We spoke of whales."


def test_trimmed_items_are_counted_and_out_of_the_models_sight_only():
    seen = []

    def replies(conversation):
        seen.append(conversation)
        yield "ok"

    bench = bench_with(replies, trim_after_summarize=True, max_transcript_items=1)
    bench.write("one", "first")
    assert state_after(bench, "two").items_trimmed == 2
    assert state_after(bench, "three").items_trimmed == 4
    assert [t.text for t in seen[-1].turns] == ["ok", "three"]
    got = bench.send({"type": "conversation.item.retrieve", "item_id": "first"})
    assert types(got) == ["conversation.item.retrieved"]


def test_without_trimming_all_stays():
    bench = bench_with(max_transcript_items=1)
    assert state_after(bench, "two").items_trimmed == 0
    assert len(bench.brain.history.turns()) == 2
