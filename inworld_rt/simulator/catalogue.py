"""The names that the simulator's session accepts (protocol: names seen in sources).

The service's own lists are open, so these are: any model of a known provider, any cloned voice.
"""

from __future__ import annotations

import re

__all__ = ["LLM_PROVIDERS", "STT_MODELS", "TTS_MODELS", "VOICES", "is_llm", "is_voice"]

LLM_PROVIDERS = frozenset(
    "anthropic cerebras deepinfra deepseek fireworks google-ai-studio groq inworld mistral openai "
    "tenstorrent together vertex xai".split()
)
"""What may stand before the first slash of a model."""

_BARE_LLMS = frozenset({"claude-sonnet-4-6"})

STT_MODELS = frozenset(
    {
        "inworld/inworld-stt-1",
        "assemblyai/u3-rt-pro",
        "assemblyai/universal-streaming-english",
        "assemblyai/universal-streaming-multilingual",
        "soniox/stt-rt-v4",
        "soniox/stt-rt-v5",
    }
)

TTS_MODELS = frozenset(
    {
        "inworld-tts-1",
        "inworld-tts-1-max",
        "inworld-tts-1.5-max",
        "inworld-tts-1.5-mini",
        "inworld-tts-2",
        "inworld-tts-2-flash",
    }
)

VOICES = frozenset(
    # Named in the sources that the simulator follows, ...
    "Alex Ashley Clive Deborah Dennis Edward Hades Jason Luna Olivia Priya Ronald Sarah Timothy "
    # ... then others of the public catalogue.
    "Wendy Alain Asuka Blake Carter Craig Diego Dmitry Dominus Elena Elizabeth Erik Gianni Hana "
    "Heitor Hyunwoo Jing Johanna Josef Julia Katrien Lennart Lore Lupita Mark Mathieu Miguel Minji "
    "Nikolai Orietta Pixie Rafael Satoshi Seojun Shaun Svetlana Szymon Theodore Wojciech Xiaoyin "
    "Xinyi Yichen Yoona".split()
)

_CLONED = re.compile(r"[\w-]+__[\w-]+")


def is_voice(name: str) -> bool:
    """Whether a voice is in the catalogue, or looks like a cloned one (``workspace__name``)."""
    return name in VOICES or _CLONED.fullmatch(name) is not None


def is_llm(name: str) -> bool:
    """Whether a language model's provider is known; ``inworld/`` also has routers."""
    provider, _, model = name.partition("/")
    return name in _BARE_LLMS or (provider in LLM_PROVIDERS and model.strip() == model != "")
