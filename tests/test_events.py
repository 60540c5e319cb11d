"""The vocabulary as a whole: complete, registered once, explained."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import attrs
import pytest

from inworld_rt import codec, config, events, items, outcome, provider, wire
from inworld_rt.codec import Shape
from inworld_rt.events import Event, UnknownEvent, client, server
from inworld_rt.wire import decode, decode_client

MODULES = (client, server, items, outcome, provider, config, wire)

CLIENT_NAMES = """
    session.update
    input_audio_buffer.append input_audio_buffer.commit input_audio_buffer.clear
    conversation.item.create conversation.item.truncate conversation.item.delete
    conversation.item.retrieve
    response.create response.cancel
    output_audio_buffer.clear
""".split()

SERVER_NAMES = """
    session.created session.updated conversation.created
    conversation.item.added conversation.item.done conversation.item.created
    conversation.item.retrieved conversation.item.deleted conversation.item.truncated

    input_audio_buffer.speech_started input_audio_buffer.speech_stopped
    input_audio_buffer.committed input_audio_buffer.cleared input_audio_buffer.timeout_triggered
    input_audio_buffer.turn_suggestion input_audio_buffer.turn_suggestion_revoked
    input_audio_buffer.dtmf_event_received

    conversation.item.input_audio_transcription.delta
    conversation.item.input_audio_transcription.updated
    conversation.item.input_audio_transcription.completed
    conversation.item.input_audio_transcription.failed
    conversation.item.input_audio_transcription.segment
    input_audio_transcription.delta input_audio_buffer.transcription.delta

    response.created response.done response.cancelled
    response.output_item.added response.output_item.done
    response.content_part.added response.content_part.done
    rate_limits.updated

    response.output_text.delta response.output_text.done
    response.output_audio_transcript.delta response.output_audio_transcript.done
    response.output_audio.delta response.output_audio.done
    response.text.delta response.text.done
    response.audio_transcript.delta response.audio_transcript.done
    response.audio.delta response.audio.done

    response.function_call_arguments.delta response.function_call_arguments.done
    response.function_calls_arguments.delta response.function_calls_arguments.done

    mcp_list_tools.in_progress mcp_list_tools.completed mcp_list_tools.failed
    response.mcp_call_arguments.delta response.mcp_call_arguments.done
    response.mcp_call.in_progress response.mcp_call.completed response.mcp_call.failed

    response.backchannel.audio.delta response.backchannel.audio.done
    response.backchannel.skipped

    output_audio_buffer.started output_audio_buffer.stopped output_audio_buffer.cleared
    ping error
""".split()

# Named once by somebody, never seen: not worth a class.
DOUBTFUL = ("response.start", "response.content_part.delta", "response.function_call")

# Say it all themselves, or are explained where they appear first.
OBVIOUS = {
    "id", "object", "item", "item_id", "previous_item_id", "response", "response_id", "session",
    "conversation", "content_index", "output_index", "call_id", "name", "type", "text", "delta",
    "transcript", "part", "error", "enabled", "backchannel_id", "rate_limits", "logprobs",
    "audio_start_ms", "audio_end_ms", "utterance_index", "text_tokens", "audio_tokens",
    "image_tokens", "total_tokens", "input_tokens", "output_tokens", "start_time_seconds",
    "duration_seconds", "word_start_time_seconds", "word_end_time_seconds",
    "character_start_time_seconds", "character_end_time_seconds",
}  # fmt: skip


def classes(module):
    made_here = [
        c for c in vars(module).values() if getattr(c, "__module__", "") == module.__name__
    ]
    return [c for c in made_here if inspect.isclass(c) and issubclass(c, Shape)]


@pytest.mark.parametrize("name", SERVER_NAMES)
def test_every_server_event_of_the_protocol_is_known(name):
    event = decode(f'{{"type":"{name}"}}')
    assert type(event) is not UnknownEvent
    assert type(event) is wire.SERVER[name]


@pytest.mark.parametrize("name", CLIENT_NAMES)
def test_every_client_event_of_the_protocol_is_known(name):
    fields = '"session":{},"audio":"","item":{},"item_id":"i","audio_end_ms":0'
    event = decode_client(f'{{"type":"{name}",{fields}}}')
    assert type(event) is wire.CLIENT[name]
    assert event.type == name


@pytest.mark.parametrize("name", DOUBTFUL)
def test_rumours_arrive_as_unknown_events(name):
    assert decode(f'{{"type":"{name}"}}').type == name
    assert type(decode(f'{{"type":"{name}"}}')) is UnknownEvent


def test_nothing_is_registered_that_the_protocol_does_not_name():
    assert set(wire.SERVER) == set(SERVER_NAMES)
    assert set(wire.CLIENT) == set(CLIENT_NAMES)


@pytest.mark.parametrize(("module", "registry"), [(client, wire.CLIENT), (server, wire.SERVER)])
def test_every_event_class_is_registered_under_its_own_name(module, registry):
    public = [c for c in classes(module) if issubclass(c, Event) and c.__name__[0] != "_"]
    assert set(public) == set(registry.values())
    names = [c.wire_name for c in public]
    assert len(names) == len(set(names))
    assert all(registry[c.wire_name] is c for c in public)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_public_class_is_exported(module):
    public = {c.__name__ for c in classes(module) if not c.__name__.startswith("_")}
    assert public <= set(module.__all__)
    shapes = [n for n in module.__all__ if n in public]
    assert shapes == sorted(shapes)


def test_the_front_door_has_every_event():
    assert set(events.__all__) == {"Event", "UnknownEvent", *client.__all__, *server.__all__}
    assert len(events.__all__) == len(set(events.__all__))
    assert all(hasattr(events, n) for n in events.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_class_and_field_is_explained(module):
    """By a text below the field, unless its name says it all."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    bare = []
    for node in [n for n in tree.body if isinstance(n, ast.ClassDef)]:
        if not ast.get_docstring(node):
            bare.append(node.name)
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if not isinstance(field, ast.AnnAssign) or "ClassVar" in ast.unparse(field.annotation):
                continue
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if not told and field.target.id not in OBVIOUS:
                bare.append(f"{node.name}.{field.target.id}")
    assert bare == []


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_times_say_their_unit(module):
    """In the name or in the text below it, so that nobody has to guess."""
    timed = (
        "silence",
        "timeout",
        "deadline",
        "wait",
        "expires",
        "received_at",
        "timestamp",
        "seconds",
    )
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    bare = []
    for node in [n for n in tree.body if isinstance(n, ast.ClassDef)]:
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if not isinstance(field, ast.AnnAssign):
                continue
            name, kind = field.target.id, ast.unparse(field.annotation)
            if any(w in name for w in timed) and any(w in kind for w in ("int", "float", "Count")):
                text = ast.unparse(after).lower() if isinstance(after, ast.Expr) else ""
                if not name.endswith(("_ms", "seconds")) and "seconds" not in text:
                    bare.append(f"{node.name}.{name}")
    assert bare == []


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_field_has_a_rule_and_no_two_share_a_name_on_the_wire(module):
    for cls in classes(module):
        plan = codec._plan(cls)
        names = [n for f in plan.fields for n in (f.wire, *f.older)]
        assert len(names) == len(set(names))
        local = {f.name for f in attrs.fields(cls) if f.metadata.get("local")}
        assert {f.name for f in plan.fields} == {f.name for f in attrs.fields(cls)} - local


def test_only_inworlds_extensions_are_spelt_in_camel_case():
    camel = {
        (cls.__name__, f.wire)
        for module in MODULES
        for cls in classes(module)
        for f in codec._plan(cls).fields
        if f.wire != f.wire.lower()
    }
    assert camel == {
        ("SessionConfig", "providerData"),
        ("WebSearchTool", "providerData"),
        ("UserTranscript", "providerData"),
        ("UserTranscript", "voiceProfile"),
        ("TextGenerationReasoning", "maxTokens"),
        *(("TextGeneration", n) for n in (
            "maxNewTokens", "topP", "frequencyPenalty", "presencePenalty", "repetitionPenalty",
            "stopSequences", "logitBias")),
    }  # fmt: skip
