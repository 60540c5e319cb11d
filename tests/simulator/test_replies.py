"""What the simulated agent answers, and when it calls a tool."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_rt.simulator.numbers import in_words, numbers_in, value_of
from inworld_rt.simulator.replies import (
    JOKES,
    Conversation,
    ReplySource,
    ToolCall,
    Turn,
    echo,
    lesson,
    lesson_with,
    pieces,
    scripted,
)

LESSON = lesson_with(now=lambda: datetime(2025, 5, 5, 15, 5), choose=lambda jokes: jokes[0])


def answer(*said: str, source: ReplySource = LESSON, **more: Any) -> str:
    turns = tuple(Turn("user", text) for text in said)
    parts = list(source(Conversation(turns, **more)))
    assert all(isinstance(part, str) for part in parts)
    return "".join(map(str, parts))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What time is it?", "It is three oh five in the afternoon."),
        ("hello what is the time", "It is three oh five in the afternoon."),
        ("What day is it today?", "Today is Monday, May 5th, 2025."),
        ("What's today's date?", "Today is Monday, May 5th, 2025."),
        ("Count to five.", "One, two, three, four, five."),
        ("Counted three.", "One, two, three."),
        ("Count from 3 to 7", "Three, four, five, six, seven."),
        ("count down from three", "Three, two, one."),
        ("Count from three to one.", "Three, two, one."),
        ("Spell banana.", "Banana: B, A, N, A, N, A."),
        ("How do you spell tree, please?", "Tree: T, R, E, E."),
        ("What is two plus two?", "2 plus 2 is 4."),
        ("With two plus two.", "2 plus 2 is 4."),
        ("what is two plus to", "2 plus 2 is 4."),
        ("12*12", "12 times 12 is 144."),
        ("How much is twenty one minus nineteen?", "21 minus 19 is 2."),
        ("ten divided by four", "10 divided by 4 is 2.5."),
        ("Add three and four", "3 plus 4 is 7."),
        ("5 / 0", "Nobody can divide by zero, not even a computer."),
        ("Repeat after me, the sky is blue.", "The sky is blue."),
        ("Could you say hello world!", "Hello world!"),
        ("Tell me a joke.", JOKES[0]),
        ("How are you?", "I am very well, thank you. And how are you?"),
        ("Thank you!", "You are welcome!"),
        ("I like pizza", "I heard you say: I like pizza."),
        ("Did he say something?", "I heard you say: Did he say something?"),
        ("What did I say?", "This is the first thing that you said to me."),
        (
            "(speech, 1.8 s)",
            "I heard you speak for 1.8 seconds, but I could not make out the words.",
        ),
    ],
)
def test_the_lesson(said: str, expected: str) -> None:
    assert answer(said) == expected


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (0, 0, "It is twelve o'clock in the morning."),
        (9, 45, "It is nine forty-five in the morning."),
        (20, 10, "It is eight ten in the evening."),
    ],
)
def test_the_clock(hour: int, minute: int, expected: str) -> None:
    source = lesson_with(now=lambda: datetime(2025, 1, 1, hour, minute))
    assert answer("What time is it?", source=source) == expected


def test_it_has_a_name_if_its_instructions_give_one() -> None:
    assert answer("What is your name?", instructions="You are Bob, a pirate.") == "My name is Bob."
    assert "Ada Lovelace" in answer("Hello.", instructions="Your name is Ada Lovelace.")
    assert answer("Who are you?", instructions="You are a helper.") == (
        "I am the simulated voice of this lesson."
    )


def test_it_greets_when_nobody_has_said_anything() -> None:
    assert answer().startswith("Hello!")
    assert answer("Good morning.").startswith("Good morning!")


def test_it_remembers_what_was_said() -> None:
    assert answer("I like tea.", "What did I say?") == "You said: I like tea."


def test_a_long_count_ends() -> None:
    assert answer("Count to one thousand").endswith("fifty, and so on.")


def test_the_jokes_are_ours_to_choose_from() -> None:
    assert len(set(JOKES)) == len(JOKES) >= 12
    assert answer("tell me a joke", source=lesson) in JOKES


def test_a_story_is_long_enough_to_interrupt() -> None:
    assert len(answer("Tell me a story").split()) > 80


def test_pieces_are_words() -> None:
    parts = list(LESSON(Conversation((Turn("user", "What is two plus two?"),))))
    assert parts == ["2 ", "plus ", "2 ", "is ", "4."]


@given(st.text(max_size=60))
def test_the_lesson_always_has_an_answer(text: str) -> None:
    assert answer(text).strip()


@given(st.text(max_size=60).filter(str.strip))
def test_pieces_lose_nothing(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_echo_and_script() -> None:
    assert answer("Good day.", source=echo) == "Good day."
    call = ToolCall("dice")
    source = scripted(["One.", [call, "Two, three."]])
    assert list(source(Conversation())) == ["One."]
    assert list(source(Conversation())) == [call, "Two, ", "three."]
    assert list(source(Conversation())) == [call, "Two, ", "three."]
    assert list(scripted([])(Conversation())) == []


# -- tools ------------------------------------------------------------------------------------


def tool(name: str, description: str = "", required: bool = True, **properties: Any) -> dict:
    parameters = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = list(properties)
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": parameters,
    }


STRING = {"type": "string"}
TOOLS = (
    tool("get_weather", "Current weather of a city.", city=STRING),
    tool(
        "set_light",
        "Switch a lamp on or off.",
        on={"type": "boolean"},
        room={"enum": ["hall", "kitchen", "living_room"]},
        level={"type": "integer", "maximum": 100},
    ),
    tool("rollDice"),
    tool("find_train", origin=STRING, destination=STRING),
    tool("add_numbers", numbers={"type": "array", "items": {"type": "number"}}),
    tool("save_note", text=STRING),
    tool("search_web", required=False, query=STRING),
    {"type": "web_search"},
)


def call(said: str, **more: Any) -> Any:
    conversation = Conversation((Turn("user", said),), tools=TOOLS, **more)
    first = next(iter(LESSON(conversation)))
    return (first.name, first.arguments) if isinstance(first, ToolCall) else None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What is the weather in Paris?", ("get_weather", {"city": "Paris"})),
        ("weather for New York, please", ("get_weather", {"city": "New York"})),
        (
            "Turn off the light in the kitchen to 50 percent",
            ("set_light", {"on": False, "room": "kitchen", "level": 50}),
        ),
        (
            "Switch on the lamp in the living room at two hundred",
            ("set_light", {"on": True, "room": "living_room", "level": 100}),
        ),
        ("Roll the dice!", ("rollDice", {})),
        (
            "Find a train from Paris to London",
            ("find_train", {"origin": "Paris", "destination": "London"}),
        ),
        ("Add the numbers one, two and 3.5", ("add_numbers", {"numbers": [1, 2, 3.5]})),
        ('Save the note "buy milk"', ("save_note", {"text": "buy milk"})),
        ("Search the web for cats", ("search_web", {})),
        ("Hello there", None),
        ("Tell me a joke.", None),
    ],
)
def test_a_tool_is_called_when_the_words_ask_for_it(said: str, expected: Any) -> None:
    assert call(said) == expected


TIMER = tool("set_timer", "Set a timer.", minutes={"type": "integer"})
BOTH = "What is the weather in Oslo and set a timer for 5 minutes"


def calls(said: str, *more: Turn, tools: Any = (*TOOLS, TIMER), **other: Any) -> list[Any]:
    talk = Conversation((Turn("user", said), *more), tools=tools, **other)
    return [(p.name, p.arguments) for p in LESSON(talk) if isinstance(p, ToolCall)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (BOTH, [("get_weather", {"city": "Oslo"}), ("set_timer", {"minutes": 5})]),
        (
            "Roll the dice, then tell me the weather in Bern.",
            [("rollDice", {}), ("get_weather", {"city": "Bern"})],
        ),
        ("Set a timer for 3 minutes and for tea", [("set_timer", {"minutes": 3})]),
        ("Add the numbers one, two and 3.5", [("add_numbers", {"numbers": [1, 2, 3.5]})]),
    ],
)
def test_each_tool_that_the_words_ask_for_is_called_once(said: str, expected: Any) -> None:
    assert calls(said) == expected


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "name": "set_timer"}])
@pytest.mark.parametrize("last", [Turn("assistant", "It rains."), Turn("system", "Be quick.")])
def test_a_tool_whose_output_has_come_is_not_called_again(choice: Any, last: Turn) -> None:
    more = (Turn("tool", "rain", "get_weather"), Turn("tool", "set", "set_timer"), last)
    called = [name for name, _ in calls(BOTH, *more, tool_choice=choice)]
    assert not {"get_weather", "set_timer"} & set(called)
    again = [name for name, _ in calls("x", *more, Turn("user", BOTH), tool_choice=choice)]
    assert "set_timer" in again


@pytest.mark.parametrize(
    "output",
    [
        '{"status": "still working", "message": "There is no result yet."}',
        '{"status":"running"}',
        '{"state": "in progress"}',
        "The tool is still running.",
    ],
)
def test_a_call_that_is_still_working_is_said_to_be(output: str) -> None:
    talk = Conversation((Turn("user", "weather?"), Turn("tool", output, "get_weather")))
    assert "".join(map(str, LESSON(talk))) == "I am still working on it."


LATE = "The tool get_weather, which was still working, has finished. Its result is: "


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (LATE + '{"degrees": 21}', "The result is 21."),
        (LATE + "Sunny.", "The result is Sunny."),
        ("The function failed.", "I have news: The function failed."),
    ],
)
def test_a_late_result_in_a_note_is_told(note: str, expected: str) -> None:
    turns = [Turn("user", "weather in Oslo?"), Turn("tool", "still working", "get_weather")]
    turns += [Turn("assistant", "I am still working on it."), Turn("system", note)]
    talk = Conversation(tuple(turns), tools=TOOLS)
    assert "".join(map(str, LESSON(talk))) == expected
    later = Conversation((*turns, Turn("user", "Thank you!")), tools=TOOLS)
    assert "".join(map(str, LESSON(later))) == "You are welcome!"


def test_a_note_that_is_an_instruction_is_not_read_out() -> None:
    talk = Conversation((Turn("user", "How are you?"), Turn("system", "Be polite.")))
    assert "".join(map(str, LESSON(talk))).startswith("I am very well")


# -- the web ----------------------------------------------------------------------------------

WEB = {"type": "web_search"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Search for whales.", "I searched the web for whales and found three pages about it."),
        ("Could you search the web for blue whales, please?", "for blue whales and"),
        ("Look up the height of Everest", "the height of Everest"),
        ("search cats please", "for cats and"),
    ],
)
def test_the_web_is_searched_when_that_is_declared(said: str, expected: str) -> None:
    assert expected in answer(said, tools=(WEB,))
    assert answer(said).startswith("I heard you say")
    assert answer(said, tools=(WEB,), tool_choice="none").startswith("I heard you say")


@pytest.mark.parametrize(("wanted", "count"), [(1, "one page"), (5, "five pages"), (0, "three")])
def test_as_many_pages_are_found_as_are_wanted(wanted: int, count: str) -> None:
    web = {**WEB, "providerData": {"engine": "exa", "max_results": wanted}}
    assert f"found {count}" in answer("Search for whales", tools=(web,))


def test_the_tool_choice_is_honoured() -> None:
    assert call("What is the weather in Paris?", tool_choice="none") is None
    assert call("Hello", tool_choice="required") is not None
    assert call("Hello", tool_choice={"type": "function", "name": "rollDice"}) == ("rollDice", {})
    assert call("Hello", tool_choice={"type": "function", "name": "unknown"}) is None
    assert list(LESSON(Conversation(tool_choice="required")))  # no tools: words


@pytest.mark.parametrize("schema", [None, [], {"required": ["a"]}, {"properties": 3}])
def test_a_sloppy_declaration_is_no_error(schema: Any) -> None:
    sloppy = {"type": "function", "name": "ring_bell", "parameters": schema}
    conversation = Conversation((Turn("user", "ring the bell"),), tools=(sloppy,))
    assert next(iter(LESSON(conversation))).name == "ring_bell"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("42", "The result is 42."),
        ('"sunny"', "The result is sunny."),
        ("Sunny and warm.", "The result is Sunny and warm."),
        ('{"degrees": 21}', "The result is 21."),
        ('{"degrees": 21, "wind_speed": 3}', "This is what I found: degrees 21, wind speed 3."),
        ('{"error": "no such city"}', "That did not work: no such city."),
        ("[1, 2]", "The result is 1, 2."),
        ("true", "The result is yes."),
        ("null", "It is done."),
        ("", "It is done."),
    ],
)
def test_a_tool_result_is_told(output: str, expected: str) -> None:
    turns = (Turn("user", "What is the weather?"), Turn("tool", output, "get_weather"))
    conversation = Conversation(turns, tools=TOOLS, tool_choice="required")
    assert "".join(map(str, LESSON(conversation))) == expected


# -- numbers ----------------------------------------------------------------------------------


@given(st.integers(0, 999))
def test_numbers_are_read_as_they_are_written(number: int) -> None:
    assert value_of(in_words(number).replace("-", " ").split()) == number


def test_numbers_in_a_sentence() -> None:
    assert numbers_in("from three to twenty one and 3.5".split()) == [3, 21, 3.5]
    assert numbers_in("two thousand five hundred".split()) == [2500]
    assert numbers_in("nothing and to".split()) == []
    assert value_of(["to"]) is None
    assert value_of(["to"], misheard=True) == 2
    assert value_of(["one", "two"]) is None
    assert in_words(-5) == "minus five"
    assert in_words(1200) == "1200"
