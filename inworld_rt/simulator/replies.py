"""What the simulated agent answers.

A reply source is a plain function: it gets the conversation so far and gives the answer in pieces.

    def parrot(conversation):
        yield "You said: "
        yield conversation.heard

A piece is some text, or a `ToolCall`. The texts joined are the answer, so spaces belong to them.
The source built in, `lesson`, is made of small skills: functions that answer one kind of question
or return None. To teach it another, write one and put it in the `SKILLS` table.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from attrs import frozen

from inworld_rt.simulator.conversation import (
    Conversation,
    ReplySource,
    ToolCall,
    Turn,
    echo,
    pieces,
    scripted,
)
from inworld_rt.simulator.knowledge import remember, search_web, see, tell_notes
from inworld_rt.simulator.numbers import in_words, numbers_in, value_of
from inworld_rt.simulator.tool_use import choose_calls, tell_results

__all__ = [
    "SKILLS",
    "Conversation",
    "ReplySource",
    "Said",
    "ToolCall",
    "Turn",
    "echo",
    "lesson",
    "lesson_with",
    "pieces",
    "scripted",
]


# -- the lesson -------------------------------------------------------------------------------


@frozen
class Said:
    """What a skill works on."""

    text: str
    """What the user said, as it was written or heard."""
    words: list[str]
    """Its words in lower case, without punctuation."""
    conversation: Conversation
    now: datetime
    choose: Callable[[Sequence[str]], str]
    """Picks one of several."""

    @property
    def plain(self) -> str:
        """The words joined by single spaces, to search in."""
        return " ".join(self.words)


Skill = Callable[[Said], "str | None"]


def lesson_with(
    now: Callable[[], datetime] = datetime.now,
    choose: Callable[[Sequence[str]], str] = random.choice,
) -> ReplySource:
    """Make the built-in reply source with a clock and a dice of your own.

    Args:
        now: tells the time.
        choose: picks a joke.

    Returns:
        A reply source without memory: one serves any number of conversations.
    """

    def source(conversation: Conversation) -> Iterator[str | ToolCall]:
        told = [tell_results(conversation.results), tell_notes(conversation.notes)]
        if any(told):
            yield from pieces(" ".join(filter(None, told)))
            return
        calls = choose_calls(conversation)
        if calls:
            yield from calls
            return
        text = conversation.heard
        said = Said(text, _words(text), conversation, now(), choose)
        answers = (skill(said) for skill in SKILLS)
        yield from pieces(next(answer for answer in answers if answer))

    return source


def _words(text: str) -> list[str]:
    text = re.sub(r"([\d)])\s*([+*/×÷-])\s*(?=\d)", r"\1 \2 ", text.lower().replace("’", "'"))
    return re.findall(r"[^\W_]+(?:[.'][^\W_]+)*|[+*/×÷-]", text)


def answer_silence(said: Said) -> str | None:
    """Nobody said anything, or nobody could read it."""
    if not said.text.strip():
        return f"Hello! {_introduction(said)} What shall we talk about?"
    unread = re.fullmatch(r"\(speech, ([\d.]+) s\)", said.text.strip())
    if unread:
        return f"I heard you speak for {unread[1]} seconds, but I could not make out the words."
    return None


def repeat(said: Said) -> str | None:
    """Repeat after me ..."""
    asked = re.match(
        r"(?:(?:please|now|can you|could you|will you|okay|well)[\s,]+)*"
        r"(?:repeat(?:[\s,]+after[\s,]+me)?|say(?:[\s,]+after[\s,]+me)?)\b[\s:,.]+(?P<what>.+)",
        said.text.strip(),
        re.IGNORECASE | re.DOTALL,
    )
    if not asked:
        return None
    what = asked["what"].strip().strip("\"“”'") or "nothing"
    return what[:1].upper() + what[1:] + ("" if what[-1:] in ".!?" else ".")


def recall(said: Said) -> str | None:
    """What did I say?"""
    if not re.search(r"\b(?:what|when) (?:did|have) i (?:just )?(?:say|said)\b", said.plain):
        return None
    heard = [turn.text for turn in said.conversation.turns if turn.role == "user"][:-1]
    return f"You said: {heard[-1]}" if heard else "This is the first thing that you said to me."


def spell(said: Said) -> str | None:
    """Spell banana."""
    asked = re.search(r"\bspell(?:ed|ing)?(?: the)?(?: words?)?((?: [^\W\d]+)+)", said.plain)
    if not asked:
        return None
    word = [w for w in asked[1].split() if w not in ("please", "for", "me", "of", "is")][-1:]
    return f"{word[0].capitalize()}: {', '.join(word[0].upper())}." if word else None


def count(said: Said) -> str | None:
    """Count to ten; count from 3 to 7; count down from five."""
    asked = re.search(r"\bcount\w*\b(.*)", said.plain)
    found = [int(n) for n in numbers_in(asked[1].split())] if asked else []
    if asked is None or not found:
        return None
    first, last = (found[0], found[1]) if len(found) > 1 else (1, found[0])
    if len(found) == 1 and ("down" in said.words or "backwards" in said.words):
        first, last = last, first
    step = 1 if last >= first else -1
    numbers = list(range(first, last + step, step))[:LONGEST_COUNT]
    text = ", ".join(map(in_words, numbers))
    return text[0].upper() + text[1:] + ("." if numbers[-1] == last else ", and so on.")


LONGEST_COUNT = 50

OPERATIONS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "plus": ("plus", lambda a, b: a + b),
    "+": ("plus", lambda a, b: a + b),
    "and": ("plus", lambda a, b: a + b),
    "minus": ("minus", lambda a, b: a - b),
    "-": ("minus", lambda a, b: a - b),
    "less": ("minus", lambda a, b: a - b),
    "times": ("times", lambda a, b: a * b),
    "time": ("times", lambda a, b: a * b),
    "x": ("times", lambda a, b: a * b),
    "*": ("times", lambda a, b: a * b),
    "×": ("times", lambda a, b: a * b),
    "over": ("divided by", lambda a, b: a / b),
    "divided": ("divided by", lambda a, b: a / b),
    "/": ("divided by", lambda a, b: a / b),
    "÷": ("divided by", lambda a, b: a / b),
}
"""What a word between two numbers means: how to say it and how to do it."""


def calculate(said: Said) -> str | None:
    """What is two plus two?"""
    words = re.sub(r"\b(multiplied|divided) by\b", r"\1", said.plain)
    words = words.replace("take away", "minus").replace("multiplied", "times")
    heard = words.split()
    for at, word in enumerate(heard):
        if word in OPERATIONS and 0 < at < len(heard) - 1:
            left = _number_ending(heard[:at])
            right = _number_starting(heard[at + 1 :])
            if left is None or right is None or (word == "and" and not _sum_asked(heard)):
                continue
            name, operate = OPERATIONS[word]
            if name == "divided by" and right == 0:
                return "Nobody can divide by zero, not even a computer."
            result = operate(left, right)
            return f"{_figures(left)} {name} {_figures(right)} is {_figures(result)}."
    return None


def _sum_asked(words: list[str]) -> bool:
    return any(word in ("add", "sum", "adding", "together") for word in words)


def _number_ending(words: list[str]) -> float | None:
    for size in range(min(5, len(words)), 0, -1):
        value = value_of(words[-size:])
        if value is not None and words[-size] != "and":
            return value
    return value_of(words[-1:], misheard=True)


def _number_starting(words: list[str]) -> float | None:
    for size in range(min(5, len(words)), 0, -1):
        value = value_of(words[:size])
        if value is not None and words[size - 1] != "and":
            return value
    return value_of(words[:1], misheard=True)


def _figures(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") if number % 1 else str(int(number))


JOKES = (
    "Why did the microphone blush? It heard everything you said about it.",
    "What do you call a computer that sings? A big hit with a small chip.",
    "Why was the loudspeaker so calm? It had let it all out.",
    "Why did the pupil bring a ladder to the lesson? The bar was set very high.",
    "What is a robot's favourite snack? Computer chips, lightly salted.",
    "Why do programmers mix up their socks? They only count them from zero.",
    "What did the wire say to the plug? I find you really shocking.",
    "Why did the echo fail its exam? It only repeated what the teacher had said.",
    "How does a snail send a message? By slow mail.",
    "Why was six proud of seven? It had always looked up to it.",
    "What is brown and sticky? A stick, of course.",
    "Why did the clock go to the head teacher? It had been tocking in class.",
    "What do you get when you cross a parrot with a timer? A bird that repeats on the minute.",
)


def joke(said: Said) -> str | None:
    """Tell me a joke."""
    asked = re.search(r"\b(?:jokes?|funny|make me laugh|choke)\b", said.plain)
    return said.choose(JOKES) if asked else None


STORY = (
    "Once upon a time there was a small robot who could only say one word, and the word was: "
    "hello. The children of the town laughed, for what can you do with a single word? But the "
    "robot said hello to the baker, and the baker smiled. It said hello to the tired bus driver, "
    "and she hummed all day. It said hello to a new girl who knew nobody, and she was not alone "
    "any more. In the winter the robot's battery ran down, and the town became very quiet. So "
    "the children climbed the hill with a new battery, and when the little lamp came on, they all "
    "called out together: hello!"
)


def tell_story(said: Said) -> str | None:
    """Tell me a story."""
    return STORY if re.search(r"\b(?:story|stories|fairy tale)\b", said.plain) else None


def tell_time(said: Said) -> str | None:
    """What time is it?"""
    if not re.search(r"\b(?:time is (?:it|that)|the time|what time|o'clock|clock)\b", said.plain):
        return None
    hour, minute = said.now.hour, said.now.minute
    name = in_words(hour % 12 or 12)
    if minute == 0:
        clock = f"{name} o'clock"
    else:
        clock = f"{name} {'oh ' if minute < 10 else ''}{in_words(minute)}"
    if hour < 12:
        part = "in the morning"
    else:
        part = "in the afternoon" if hour < 18 else "in the evening"
    return f"It is {clock} {part}."


DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()


def tell_date(said: Said) -> str | None:
    """What day is it today?"""
    asked = (
        r"\b(?:(?:what|which) (?:day|date|month|year)|the (?:date|day|year|month)|today's date)\b"
    )
    if not re.search(asked, said.plain):
        return None
    day = said.now.day
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    # Not strftime: its names follow the computer's language, and the voice speaks English.
    weekday, month = DAYS[said.now.weekday()], MONTHS[said.now.month - 1]
    return f"Today is {weekday}, {month} {day}{ending}, {said.now.year}."


def introduce(said: Said) -> str | None:
    """What is your name?"""
    asked = r"\b(?:your name|who are you|who is this|introduce yourself|called you)\b"
    return _introduction(said) if re.search(asked, said.plain) else None


def _introduction(said: Said) -> str:
    named = re.search(
        r"\b(?:[Yy]ou are|[Yy]ou're|[Yy]our name is|[Cc]all yourself)(?: called| named)? "
        r"([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)",
        said.conversation.instructions,
    )
    return f"My name is {named[1]}." if named else "I am the simulated voice of this lesson."


def offer_help(said: Said) -> str | None:
    """What can you do?"""
    if not re.search(r"\b(?:what can you do|can you help|help me|^help$)", said.plain):
        return None
    return (
        "I can tell you the time and the date, count, spell, do sums, tell a joke or a story, "
        "and repeat what you say."
    )


SMALL_TALK = (
    (r"\bhow are you\b", "I am very well, thank you. And how are you?"),
    (r"\b(?:can|do) you hear me\b", "Yes, I can hear you well."),
    (r"\b(?:goodbye|good bye|bye|see you|good night)\b", "Goodbye! It was nice to talk to you."),
    (r"\b(?:thank you|thanks)\b", "You are welcome!"),
)
"""What to listen for, as a regular expression, and what to say then."""


def small_talk(said: Said) -> str | None:
    """How are you? Thank you! Goodbye."""
    for pattern, answer in SMALL_TALK:
        if re.search(pattern, said.plain):
            return answer
    return None


def greet(said: Said) -> str | None:
    """Hello!"""
    greeting = re.match(r"(?:hello|hi|hey|good (morning|afternoon|evening|day))\b", said.plain)
    if not greeting or len(said.words) > 5:
        return None
    hello = f"Good {greeting[1]}" if greeting[1] else "Hello"
    return f"{hello}! {_introduction(said)} What can I do for you?"


def say_back(said: Said) -> str:
    """Anything else is repeated, so that one hears what was understood."""
    text = said.text.strip()
    return f"I heard you say: {text}" + ("" if text[-1] in ".!?" else ".")


SKILLS: list[Skill] = [
    see,
    answer_silence,
    repeat,
    recall,
    search_web,
    remember,
    spell,
    count,
    calculate,
    joke,
    tell_story,
    tell_time,
    tell_date,
    introduce,
    offer_help,
    small_talk,
    greet,
    say_back,  # the last one always has an answer
]
"""The lesson's skills. They are asked in this order; the first that has an answer speaks."""

lesson: ReplySource = lesson_with()
"""The reply source built in."""
